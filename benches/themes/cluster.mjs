// One port, two workers: what the primary costs.

import { shapes, wrk } from '../lib/load.mjs'
import { alternating, app, example, withManager } from '../lib/managers.mjs'
import { childrenOf, cpuMs } from '../lib/proc.mjs'
import { child, end, guard } from '../lib/scratch.mjs'
import { answering, freePort, until } from '../lib/wait.mjs'

const SECONDS = 3

const managed = (name, work) =>
  withManager(name, async (manager) => {
    const port = await freePort()
    await manager.begin()
    await manager.start({
      name: 'http',
      script: example('http.js'),
      exec_mode: 'cluster',
      instances: 2,
      env: { PORT: String(port) },
    })
    await until(() => answering(port), `${name}: nobody answers`)
    await work({ port, primary: manager.daemons, workers: await manager.pids('http') })
  })

const bare = async (name, work) => {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), BENCH_SCRIPT: example('http.js') }
  const script = name === 'node' ? app('primary.js') : example('http.js')
  const { pid } = child(process.execPath, [script], { env, stdio: 'ignore' })
  try {
    await until(() => answering(port), `${name}: nobody answers`)
    const workers = name === 'node' ? await until(() => pair(childrenOf(pid)), 'two workers are missing') : [pid]
    workers.forEach(guard)
    await work({ port, primary: name === 'node' ? [pid] : [], workers })
  } finally {
    end([...childrenOf(pid), pid])
  }
}

const pair = (pids) => pids.length === 2 && pids

const WISHES = {
  'new connections': { rate: { node: 1.45 }, primary: { value: 26 } },
  'keep-alive': { rate: { limit: 0.98 } },
}

const load = async (report, name, { port, primary, workers }) => {
  for (const shape of shapes) {
    const row = (figure, options) => report.row('cluster', `${shape}: ${figure}`, options)
    const wishes = WISHES[shape]
    const before = [cpuMs(primary), ...workers.map(cpuMs)]
    const { rate, requests, p99 } = await wrk(port, shape, SECONDS)
    const [mine, ...theirs] = [cpuMs(primary), ...workers.map(cpuMs)].map((ms, at) => ms - before[at])
    const used = theirs.reduce((sum, ms) => sum + ms, 0)
    row('requests', { unit: '/s', more: true, wish: wishes.rate }).add(name, rate)
    row('p99', { unit: 'ms' }).add(name, p99)
    row('CPU of the primary, each', { unit: 'µs', wish: wishes.primary }).add(
      name,
      primary.length ? (mine * 1000) / requests : 0,
    )
    row('CPU of the workers, each', { unit: 'µs' }).add(name, (used * 1000) / requests)
    if (workers.length > 1) {
      row('share of the less busy worker', { unit: '', more: true, note: 'of the CPU of both' }).add(
        name,
        Math.min(...theirs) / used,
      )
    }
  }
}

export default async (report, { rounds, wrk: present }) => {
  if (!present) return report.note('cluster was skipped: wrk is not installed')
  report.note(
    'cluster: the limit is one plain Node without a manager; two cannot share a port before Node 23.1 (reusePort)',
  )
  await alternating(rounds, ['rpm', 'pm2', 'node', 'limit'], (name) =>
    (['rpm', 'pm2'].includes(name) ? managed : bare)(name, (target) => load(report, name, target)),
  )
}
