// From an end to the next beginning.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Fifo } from '../lib/fifo.mjs'
import { probe } from '../lib/load.mjs'
import { alternating, example, withManager } from '../lib/managers.mjs'
import { child, end } from '../lib/scratch.mjs'
import { answering, freePort, now, timed, until } from '../lib/wait.mjs'

const KILLS = 20
// Fewer than what the machine's budget lets go at once.
const CRASHES = 40
// Enough for any crash loop that is measured.
const PATIENT = { max_restarts: 1_000_000, min_uptime: 100 }

const rowsOf = (report) => ({
  again: report.row('restart', 'SIGKILL → new process runs', { unit: 'ms', wish: { limit: 1.4 } }),
  listening: report.row('restart', 'SIGKILL → Node listening again', { unit: 'ms', wish: { limit: 1.05 } }),
  command: report.row('restart', '`restart` → Node listening again', { unit: 'ms', wish: { limit: 1.2 } }),
  loop: report.row('restart', 'crash loop, each restart', { unit: 'ms', wish: { value: 1 } }),
  served: report.row('restart', `${KILLS} kills of a worker: served`, {
    unit: '/s',
    more: true,
    wish: { limit: 0.95 },
  }),
  failed: report.row('restart', `${KILLS} kills of a worker: failed`, { unit: 'requests' }),
  gap: report.row('restart', `${KILLS} kills of a worker: longest gap`, { unit: 'ms' }),
})

const shell = (fifo) => ['-c', `echo $$ > ${fifo.path}; exec sleep 100000`]

const told = (fifo) => ['-c', `echo $$ > ${fifo.path}`]

const http = (port, mode, instances) => ({
  name: 'http',
  script: example('http.js'),
  exec_mode: mode,
  instances,
  env: { PORT: String(port) },
  ...PATIENT,
})

// Who answers and is none of `known`.
const newcomer = (port, known) =>
  until(
    async () => {
      const pid = await answering(port)
      return pid && !known.includes(pid) && pid
    },
    'no new process answers',
    { every: 1 },
  )

// Kills what said its pid last, several times, and gives the ms until the next said its own.
const killed = async (fifo, add) => {
  for (let time = 0; time < 10; time++) {
    await sleep(120)
    const begun = now()
    process.kill(Number(fifo.lines.at(-1)), 'SIGKILL')
    await fifo.count(fifo.lines.length + 1)
    add(now() - begun)
  }
}

const single = async (manager, rows, fifo) => {
  fifo.clear()
  await manager.start({
    name: 'sh',
    script: '/bin/sh',
    args: shell(fifo),
    interpreter: 'none',
    exec_mode: 'fork',
    ...PATIENT,
  })
  await fifo.count(1)
  await killed(fifo, (ms) => rows.again.add(manager.name, ms))
  await manager.delete()
}

const listening = async (manager, rows) => {
  const port = await freePort()
  await manager.start(http(port, 'fork', 1))
  let pid = await newcomer(port, [])
  for (let time = 0; time < 3; time++) {
    const old = pid
    rows.listening.add(
      manager.name,
      await timed(async () => {
        process.kill(old, 'SIGKILL')
        pid = await newcomer(port, [old])
      }),
    )
    await sleep(150)
  }
  const old = pid
  rows.command.add(
    manager.name,
    await timed(async () => {
      await Promise.all([manager.run('restart', 'http'), newcomer(port, [old])])
    }),
  )
  await manager.delete()
}

const crashes = async (manager, rows, fifo) => {
  fifo.clear()
  await manager.start({
    name: 'crash',
    script: '/bin/sh',
    args: told(fifo),
    interpreter: 'none',
    exec_mode: 'fork',
    ...PATIENT,
  })
  await fifo.count(1)
  const begun = now()
  await fifo.count(1 + CRASHES)
  rows.loop.add(manager.name, (now() - begun) / CRASHES)
  await manager.delete()
}

const underLoad = async (manager, rows) => {
  const port = await freePort()
  await manager.start(http(port, 'cluster', 2))
  await newcomer(port, [])
  const prober = await probe(port)
  const dead = []
  for (let time = 0; time < KILLS; time++) {
    const pid = await newcomer(port, dead)
    process.kill(pid, 'SIGKILL')
    dead.push(pid)
    await sleep(100)
  }
  const { served, failed, gap, ms } = await prober.stop()
  rows.served.add(manager.name, (served * 1000) / ms)
  rows.failed.add(manager.name, failed)
  rows.gap.add(manager.name, gap)
  await manager.delete()
}

const respawned = (program, args, env) => {
  let current
  let stopped = false
  const begin = () => {
    current = child(program, args, { env, stdio: 'ignore' })
    current.on('exit', () => stopped || begin())
  }
  begin()
  return {
    get pid() {
      return current.pid
    },
    stop: () => {
      stopped = true
      end([current.pid])
    },
  }
}

// A few lines of Node that start again what ends, and one Node that nobody kills.
const limits = async (rows, fifo) => {
  fifo.clear()
  const sh = respawned('/bin/sh', shell(fifo))
  await fifo.count(1)
  await killed(fifo, (ms) => rows.again.add('limit', ms))
  sh.stop()
  const port = await freePort()
  const node = respawned(process.execPath, [example('http.js')], { ...process.env, PORT: String(port) })
  await newcomer(port, [])
  for (let time = 0; time < 3; time++) {
    const old = node.pid
    const ms = await timed(async () => {
      process.kill(old, 'SIGKILL')
      await newcomer(port, [old])
    })
    rows.listening.add('limit', ms)
    rows.command.add('limit', ms)
  }
  const prober = await probe(port)
  await sleep(2000)
  const { served, ms, gap } = await prober.stop()
  rows.served.add('limit', (served * 1000) / ms)
  rows.gap.add('limit', gap)
  node.stop()
  rows.loop.add('limit', await bareLoop(fifo))
}

const bareLoop = async (fifo) => {
  const times = 200
  const ms = await timed(async () => {
    for (let time = 0; time < times; time++)
      await once(child('/bin/sh', told(fifo), { stdio: ['ignore', 'pipe', 'pipe'] }), 'exit')
  })
  return ms / times
}

export default async (report, { rounds }) => {
  const rows = rowsOf(report)
  const fifo = await Fifo.make()
  const steps = [single, listening, underLoad, crashes]
  const round = (name) =>
    withManager(name, async (manager) => {
      await manager.begin()
      for (const step of steps) await step(manager, rows, fifo)
    })
  try {
    await alternating(rounds, ['rpm', 'limit', 'pm2'], (name) => (name === 'limit' ? limits(rows, fifo) : round(name)))
  } finally {
    fifo.close()
  }
}
