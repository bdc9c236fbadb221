// One port, two workers: what the primary costs, and what clients see of a worker that is busy.

import { shapes, wrk } from '../lib/load.mjs'
import { alternating, app, example, withManager } from '../lib/managers.mjs'
import { childrenOf, cpuMs } from '../lib/proc.mjs'
import { child, end, guard } from '../lib/scratch.mjs'
import { answering, freePort, until } from '../lib/wait.mjs'

const SECONDS = 3

// Ours by schedule: each has a part of the report of its own, beside the same figures of the others. `ip-hash` is not
// among them, as the load comes from one address.
const OURS = { rpm: { part: 'cluster' }, 'rpm kernel': { part: 'cluster, sched kernel', sched: 'kernel' } }

const PARTS = Object.values(OURS).map(({ part }) => part)

const managed = (name, script, work) =>
  withManager(name.split(' ')[0], async (manager) => {
    const port = await freePort()
    const { sched } = OURS[name] ?? {}
    await manager.begin()
    await manager.start({
      name: 'http',
      script,
      exec_mode: 'cluster',
      instances: 2,
      env: { PORT: String(port) },
      ...(sched && { sched }),
    })
    await until(() => answering(port), `${name}: nobody answers`)
    await work({ port, primary: manager.daemons, workers: await manager.pids('http') })
  })

const [major, minor] = process.versions.node.split('.').map(Number)
const canShare = major > 23 || (major === 23 && minor >= 1)

const pair = (pids) => pids.length === 2 && pids

const bare = async (name, script, work) => {
  const port = await freePort()
  const program = name === 'node' ? app('primary.js') : canShare ? app('plain.js') : script
  const env = { ...process.env, PORT: String(port), BENCH_SCRIPT: script }
  const { pid } = child(process.execPath, [program], { env, stdio: 'ignore' })
  try {
    await until(() => answering(port), `${name}: nobody answers`)
    const alone = program === script
    const workers = alone ? [pid] : await until(() => pair(childrenOf(pid)), 'two workers are missing')
    workers.forEach(guard)
    await work({ port, primary: name === 'node' ? [pid] : [], workers })
  } finally {
    end([...childrenOf(pid), pid])
  }
}

const WISHES = {
  'new connections': {
    rate: { node: 1.45 },
    p99: { node: 1 },
    primary: { value: 26 },
    share: { value: 0.45 },
  },
  'keep-alive': { rate: { limit: 0.98 } },
}

// A figure of ours goes into its own part, one of others into each.
const adder = (report, name) => {
  const parts = name in OURS ? [OURS[name].part] : PARTS
  return (figure, options, value) => {
    for (const part of parts) report.row(part, figure, options).add(name in OURS ? 'rpm' : name, value)
  }
}

const load = async (report, name, { port, primary, workers }) => {
  const add = adder(report, name)
  for (const shape of shapes) {
    const wishes = WISHES[shape]
    const before = [cpuMs(primary), ...workers.map(cpuMs)]
    const { rate, requests, p99 } = await wrk(port, shape, SECONDS)
    const [mine, ...theirs] = [cpuMs(primary), ...workers.map(cpuMs)].map((ms, at) => ms - before[at])
    const used = theirs.reduce((sum, ms) => sum + ms, 0)
    const each = (ms) => (ms * 1000) / requests
    add(`${shape}: requests`, { unit: '/s', more: true, wish: wishes.rate }, rate)
    add(`${shape}: p99`, { unit: 'ms', wish: wishes.p99 }, p99)
    add(`${shape}: CPU of the primary, each`, { unit: 'µs', wish: wishes.primary }, primary.length ? each(mine) : 0)
    add(`${shape}: CPU of the workers, each`, { unit: 'µs' }, each(used))
    if (workers.length > 1) {
      const options = { unit: '', more: true, wish: wishes.share, note: 'of the CPU of both' }
      add(`${shape}: share of the less busy worker`, options, Math.min(...theirs) / used)
    }
  }
}

// Few clients, so that they wait for a worker and not for each other.
const tail = async (report, name, { port }) => {
  const { p99, rate } = await wrk(port, 'new connections', SECONDS, 8)
  const add = adder(report, name)
  add('one worker blocked now and then: p99', { unit: 'ms', wish: { node: 1 } }, p99)
  add('one worker blocked now and then: requests', { unit: '/s', more: true }, rate)
}

export default async (report, { rounds, wrk: present }) => {
  if (!present) return report.note('cluster was skipped: wrk is not installed')
  report.note(
    canShare
      ? 'cluster: the limit is two plain Nodes that share a port by reusePort, without a manager'
      : 'cluster: the limit is one plain Node without a manager; two cannot share a port before Node 23.1 (reusePort)',
  )
  const run = (name, script, work) => (name in OURS || name === 'pm2' ? managed : bare)(name, script, work)
  await alternating(rounds, [...Object.keys(OURS), 'pm2', 'node', 'limit'], (name) =>
    run(name, example('http.js'), (target) => load(report, name, target)),
  )
  await alternating(rounds, [...Object.keys(OURS), 'pm2', 'node'], (name) =>
    run(name, app('stutter.js'), (target) => tail(report, name, target)),
  )
}
