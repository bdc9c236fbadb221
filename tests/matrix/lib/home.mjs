// A daemon in a home of its own, and that nothing of it is left in the end.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { run } from '../../../benches/lib/command.mjs'
import { startOf } from '../../../benches/lib/proc.mjs'
import { drop, folder, guard } from '../../../benches/lib/scratch.mjs'
import { until } from '../../../benches/lib/wait.mjs'
import { artefacts, builtPlatform } from '../../../scripts/lib/sources.mjs'

export class NothingToTry extends Error {}

/** `RPM` names a program; else the one that `npm install` has built. */
export function program() {
  const built = builtPlatform()
  const file = process.env.RPM ?? (built && artefacts(built).program)
  if (!file || !existsSync(file))
    throw new NothingToTry('there is no rpm to try: `npm run prepare` builds it; RPM names another')
  return path.resolve(file)
}

/** What runs in the caller's environment is none of the apps' business. */
const cleanEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PM2|RPM|npm_|NODE_)/i.test(name)))

export class Home {
  folder = folder('matrix')
  /** What workers note of their connections. */
  notes = path.join(this.folder, 'notes')
  program = program()

  constructor() {
    mkdirSync(this.notes)
    this.env = { ...cleanEnvironment(), RPM_HOME: this.folder, NO_COLOR: '1' }
  }

  async rpm(...args) {
    const text = await run([this.program, ...args], { env: this.env, cwd: this.folder, timeout: 120_000 })
    this.guard()
    return text
  }

  async start(fields) {
    const file = path.join(this.folder, 'app.json')
    writeFileSync(file, JSON.stringify({ apps: [fields] }))
    await this.rpm('start', file)
  }

  async list() {
    return JSON.parse(await this.rpm('ls', '--json'))
  }

  async pids(status = 'online') {
    return (await this.list()).filter((one) => one.status === status && one.pid).map(({ pid }) => pid)
  }

  async daemon() {
    return JSON.parse(await this.rpm('ping', '--json'))
  }

  /** All that have this home in their environment. */
  processes() {
    const mark = `RPM_HOME=${this.folder}\0`
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .filter((pid) => {
        try {
          return startOf(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
        } catch {
          return false
        }
      })
  }

  /** Whatever becomes of this program, they end with it. */
  guard() {
    this.processes().forEach(guard)
  }

  /** The connections that a worker has been handed, as `port` and when. */
  handed(pid) {
    const file = path.join(this.notes, String(pid))
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'latin1').split('\n').slice(0, -1)
    return lines.map((line) => {
      const [port, at] = line.split(' ')
      return { port: Number(port), at: BigInt(at) }
    })
  }

  /** What the daemon, and the apps, have said last; for failures. */
  told() {
    const files = [path.join(this.folder, 'rpm.log')]
    const logs = path.join(this.folder, 'logs')
    if (existsSync(logs)) files.push(...readdirSync(logs).map((name) => path.join(logs, name)))
    return files
      .filter(existsSync)
      .map((file) => [path.basename(file), readFileSync(file, 'utf8').trimEnd().split('\n').slice(-12).join('\n')])
      .filter(([, text]) => text)
      .map(([name, text]) => `${name}:\n${text}`)
      .join('\n')
  }

  async end() {
    await this.rpm('kill')
    await until(() => this.processes().length === 0, `processes are left: ${this.processes().join(', ')}`, {
      timeout: 10_000,
      every: 20,
    })
    drop(this.folder)
  }
}
