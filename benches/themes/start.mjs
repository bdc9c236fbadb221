// Many apps from one file, and stopping them.
import { once } from 'node:events'
import { repeated } from '../lib/command.mjs'
import { Fifo } from '../lib/fifo.mjs'
import { alternating, app, withManager } from '../lib/managers.mjs'
import { startOf } from '../lib/proc.mjs'
import { child, end } from '../lib/scratch.mjs'
import { timed, until } from '../lib/wait.mjs'

const SLEEPERS = 100
const NODES = 20

const sleepers = () =>
  Array.from({ length: SLEEPERS }, (_, at) => ({
    name: `sleep-${at}`,
    script: '/bin/sleep',
    args: ['100000'],
    interpreter: 'none',
    exec_mode: 'fork',
  }))

const nodes = (fifo) =>
  Array.from({ length: NODES }, (_, at) => ({
    name: `node-${at}`,
    script: app('idle.js'),
    exec_mode: 'fork',
    env: { BENCH_FIFO: fifo.path },
  }))

const spawnAll = async (count, program, args, env) => {
  const all = Array.from({ length: count }, () => child(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
  await Promise.all(all.map((one) => once(one, 'spawn')))
  return all.map((one) => one.pid)
}

const rowsOf = (report) => ({
  sleep: report.row('start', `start ${SLEEPERS} sleeps`, { unit: 'ms', wish: { limit: 2 } }),
  stop: report.row('start', `stop ${SLEEPERS} sleeps`, { unit: 'ms', wish: { value: 35 } }),
  vfork: report.row('start', `vfork, exec, wait ${SLEEPERS} times`, { unit: 'ms', note: 'the shell, /bin/true' }),
  node: report.row('start', `start ${NODES} Node apps, all running`, { unit: 'ms', wish: { limit: 1.1 } }),
})

const limits = async (rows, fifo) => {
  const sleeps = await (async () => {
    let pids
    rows.sleep.add('limit', await timed(async () => (pids = await spawnAll(SLEEPERS, '/bin/sleep', ['100000']))))
    return pids
  })()
  end(sleeps)
  const one = await repeated(['/bin/true'], { budget: 200 })
  rows.vfork.add('limit', one.wall * SLEEPERS)
  fifo.clear()
  let running
  rows.node.add(
    'limit',
    await timed(async () => {
      running = await spawnAll(NODES, process.execPath, [app('idle.js')], { ...process.env, BENCH_FIFO: fifo.path })
      await fifo.count(NODES)
    }),
  )
  end(running)
}

export default async (report, { rounds }) => {
  const rows = rowsOf(report)
  const fifo = await Fifo.make()
  const round = (name) =>
    withManager(name, async (manager) => {
      await manager.begin()
      rows.sleep.add(name, await timed(() => manager.start(sleepers())))
      const pids = (await manager.list()).map((one) => one.pid).filter(startOf)
      if (pids.length !== SLEEPERS) throw new Error(`${name} says it has started ${SLEEPERS} apps, ${pids.length} live`)
      rows.stop.add(
        name,
        await timed(async () => {
          await manager.run('stop', 'all')
          await until(() => !pids.some(startOf), 'apps live on after stop', { every: 0 })
        }),
      )
      await manager.delete()
      fifo.clear()
      rows.node.add(
        name,
        await timed(async () => {
          await manager.start(nodes(fifo))
          await fifo.count(NODES)
        }),
      )
    })
  try {
    await alternating(rounds, ['rpm', 'limit', 'pm2'], (name) => (name === 'limit' ? limits(rows, fifo) : round(name)))
  } finally {
    fifo.close()
  }
}
