import { readFileSync } from 'node:fs'

const { length } = readFileSync(new URL(import.meta.url), 'utf8')

export default {
  apps: [{ name: `esm-${length > 0}`, script: 'module.mjs', exp_backoff_restart_delay: 100, max_restarts: 10 }],
}
