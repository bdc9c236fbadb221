// How long clients wait when one worker of two is busy for 50 ms now and then: where schedules differ.

import { run } from '../lib/command.mjs'
import { alternating, app, withManager } from '../lib/managers.mjs'
import { childrenOf } from '../lib/proc.mjs'
import { child, end, guard } from '../lib/scratch.mjs'
import { answering, freePort, until } from '../lib/wait.mjs'

const SECONDS = 6
// Clients a second: a fraction of what two workers can serve, so that they wait for the busy one and nothing else.
const RATE = 50

const SCHEDULES = ['round-robin', 'kernel', 'ip-hash']

// Of the others each figure stands beside that of every schedule of ours.
const measure = async (report, name, port) => {
  const said = await run([process.execPath, app('arrivals.js'), String(port), String(RATE), String(SECONDS)])
  const { waits, failed } = JSON.parse(said)
  const quantile = (share) => waits[Math.floor(waits.length * share)]
  const figures = [
    ['p50', 'ms', quantile(0.5)],
    ['p90', 'ms', quantile(0.9)],
    ['p99', 'ms', quantile(0.99)],
    ['waited over 20 ms', '%', (100 * waits.filter((ms) => ms > 20).length) / waits.length],
    ['failed', '', failed],
  ]
  const [who, schedules] = SCHEDULES.includes(name) ? ['rpm', [name]] : [name, SCHEDULES]
  for (const sched of schedules) {
    for (const [what, unit, value] of figures) report.row('tail', `${sched}: ${what}`, { unit }).add(who, value)
  }
}

const managed = (name, sched, work) =>
  withManager(name, async (manager) => {
    const port = await freePort()
    await manager.begin()
    await manager.start({
      name: 'blocked',
      script: app('blocked.js'),
      exec_mode: 'cluster',
      instances: 2,
      env: { PORT: String(port) },
      ...(sched && { sched }),
    })
    await until(() => answering(port), `${name}: nobody answers`)
    await work(port)
  })

const bare = async (work) => {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), BENCH_SCRIPT: app('blocked.js') }
  delete env.NODE_APP_INSTANCE
  const { pid } = child(process.execPath, [app('primary.js')], { env, stdio: 'ignore' })
  try {
    await until(() => answering(port), 'node: nobody answers')
    childrenOf(pid).forEach(guard)
    await work(port)
  } finally {
    end([...childrenOf(pid), pid])
  }
}

export default async (report, { rounds }) => {
  report.note(`tail: ${RATE} clients a second, one worker of two busy for 50 ms four times a second`)
  const ours = SCHEDULES.map((sched) => [sched, (work) => managed('rpm', sched, work)])
  const others = [
    ['pm2', (work) => managed('pm2', undefined, work)],
    ['node', bare],
  ]
  const all = new Map([...ours, ...others])
  await alternating(rounds, [...all.keys()], (name) => all.get(name)((port) => measure(report, name, port)))
}
