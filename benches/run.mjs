#!/usr/bin/env node
// node benches/run.mjs [theme…] [--rounds n] [--json file]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { exists } from './lib/command.mjs'
import { prepare } from './lib/managers.mjs'
import { Report } from './lib/report.mjs'
import { end, endAll } from './lib/scratch.mjs'
import cli from './themes/cli.mjs'
import cluster from './themes/cluster.mjs'
import crashes from './themes/crashes.mjs'
import habits from './themes/habits.mjs'
import logs from './themes/logs.mjs'
import memory from './themes/memory.mjs'
import reload from './themes/reload.mjs'
import restart from './themes/restart.mjs'
import start from './themes/start.mjs'
import survival from './themes/survival.mjs'
import tail from './themes/tail.mjs'

const THEMES = { cli, habits, start, memory, cluster, restart, crashes, logs, reload, survival, tail }

const options = () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '3' }, json: { type: 'string' } },
  })
  const unknown = positionals.filter((name) => !(name in THEMES))
  if (unknown.length) throw new Error(`no theme ${unknown.join(', ')}; there are ${Object.keys(THEMES).join(', ')}`)
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1')
  return { rounds, json: values.json, names: positionals.length ? positionals : Object.keys(THEMES) }
}

const main = async () => {
  const { rounds, json, names } = options()
  const versions = await prepare()
  const context = { rounds, wrk: await exists('wrk'), perl: await exists('perl'), cargo: await exists('cargo') }
  const report = new Report()
  for (const name of names) {
    process.stderr.write(`${name} …\n`)
    try {
      await THEMES[name](report, context)
    } catch (error) {
      process.exitCode = 1
      end()
      report.note(`${name} was broken off: ${error.message}`)
    }
  }
  process.stdout.write(
    `rpm-native next to PM2 ${versions.pm2}, Node ${process.versions.node}, medians of ${rounds}\n\n`,
  )
  process.stdout.write(`${report.table()}\n`)
  if (json)
    writeFileSync(
      json,
      JSON.stringify({ versions, rounds, rows: [...report.rows.values()], notes: report.notes }, null, 2),
    )
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
process.on('exit', endAll)
await main()
