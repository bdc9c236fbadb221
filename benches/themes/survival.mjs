// What the death of the daemon costs, and what it costs to be ready for it.
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../lib/command.mjs'
import { probe } from '../lib/load.mjs'
import { alternating, example, root, withManager } from '../lib/managers.mjs'
import { descendantsOf, memory, startOf } from '../lib/proc.mjs'
import { end, guard } from '../lib/scratch.mjs'
import { answering, freePort, timed, until } from '../lib/wait.mjs'

const KILLS = 30
// Who doesn't serve within this time serves nobody.
const PATIENCE_MS = 3000
const CROWDS = [0, 100, 1000]

const rowsOf = (report) => {
  const row = (name, options) => report.row('survival', name, options)
  return {
    command: row('SIGKILL of the daemon → `ping` has succeeded', { unit: 'ms' }),
    socket: row('SIGKILL → its socket answers', { unit: 'ms', wish: { value: 50 } }),
    served: row('SIGKILL → a new connection is served', { unit: 'ms', wish: { value: 50 } }),
    alive: row('apps that live on, same pid', { unit: '%', more: true, wish: { value: 100 } }),
    listed: row('apps that the next daemon knows', { unit: '%', more: true, wish: { value: 100 } }),
    failed: row('one SIGKILL under load: failed', { unit: 'requests' }),
    gap: row('one SIGKILL under load: longest gap', { unit: 'ms' }),
  }
}

const sleepers = (instances) => ({
  name: 'sleep',
  script: '/bin/sleep',
  args: ['100000'],
  interpreter: 'none',
  exec_mode: 'fork',
  instances,
})

// The daemon's pid over its own socket: a request that waits in the queue is answered by the next one.
const asked = (home) =>
  new Promise((resolve) => {
    const request = http.get({ socketPath: join(home, 'rpm.sock'), path: '/v1/daemon', agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('close', () => resolve(response.complete ? JSON.parse(text).pid : undefined))
    })
    request.on('error', () => resolve(undefined))
  })

const kill = (manager) => {
  const daemon = manager.daemon
  process.kill(daemon, 'SIGKILL')
  return daemon
}

const successor = (manager, old) =>
  until(
    async () => {
      const pid = await asked(manager.home)
      return pid && pid !== old
    },
    'no daemon comes back',
    { every: 1 },
  )

// Nobody answers any more: no figure, and that is one.
const servedAgain = (port) =>
  timed(() => until(() => answering(port), 'nobody', { timeout: PATIENCE_MS, every: 1 })).catch(() => undefined)

const start = async (manager) => {
  const port = await freePort()
  await manager.begin()
  const web = { name: 'http', script: example('http.js'), exec_mode: 'cluster', instances: 2, env: { PORT: `${port}` } }
  await manager.start([sleepers(20), web])
  await until(() => answering(port), `${manager.name}: nobody answers`)
  return port
}

// One death under load.
const underLoad = async (manager, port, rows, report) => {
  const before = (await manager.list()).map(({ pid }) => pid)
  const prober = await probe(port)
  await sleep(300)
  kill(manager)
  const served = await servedAgain(port)
  await sleep(300)
  const { failed, gap } = await prober.stop()
  rows.served.add(manager.name, served)
  if (served === undefined) report.note(`${manager.name}: a cluster serves nobody any more after SIGKILL of the daemon`)
  rows.failed.add(manager.name, failed)
  rows.gap.add(manager.name, gap)
  rows.alive.add(manager.name, (100 * before.filter(startOf).length) / before.length)
  // Where none has come back, this begins another one.
  await manager.run('ping')
  rows.listed.add(manager.name, (100 * (await manager.list()).length) / before.length)
}

// A daemon that dies for the fourth time in ten seconds is started again a little later each time. That is no matter of
// speed: three deaths are asked of each.
const recoveries = async (rows) => {
  for (let begun = 0; begun < KILLS; begun += 3) {
    await withManager('rpm', async (manager) => {
      const port = await start(manager)
      for (const row of [rows.socket, rows.served, rows.socket]) {
        const old = kill(manager)
        if (row === rows.served) row.add('rpm', await servedAgain(port))
        const ms = await timed(() => successor(manager, old))
        if (row === rows.socket) row.add('rpm', ms)
      }
    })
  }
}

const deaths = async (manager, rows, report) => {
  const port = await start(manager)
  const apps = manager.daemons.flatMap(descendantsOf)
  apps.forEach(guard)
  try {
    await underLoad(manager, port, rows, report)
    kill(manager)
    rows.command.add(manager.name, await timed(() => manager.run('ping')))
  } finally {
    // What a daemon has lost, nobody else would end.
    end(apps)
  }
}

const weigh = async (report) => {
  for (const count of CROWDS) {
    await withManager('rpm', async (manager) => {
      await manager.begin()
      if (count) await manager.start(sleepers(count))
      // What the start has needed is given back.
      await sleep(2000)
      const [daemon, guardian] = manager.daemons
      for (const [who, pid, wish] of [
        ['guardian', guardian, count < 1000 ? 1.2 : 1.5],
        ['daemon', daemon],
      ]) {
        const { rss, pss } = memory(pid)
        const row = (figure, options) =>
          report
            .row('survival', `${who}, ${count} apps: ${figure}`, { unit: 'MiB', ...options })
            .add('rpm', figure === 'RSS' ? rss : pss)
        row('RSS', { wish: { value: wish } })
        row('PSS')
      }
    })
  }
}

// The same program starts processes in each way.
const spawns = async (report, rounds) => {
  await run(['cargo', 'bench', '--no-run', '--bench', 'spawn'], { cwd: root })
  for (const megabytes of [0, 500]) {
    const row = (name, options) =>
      report.row('survival', `spawn of /bin/true, ${megabytes} MB: ${name}`, { unit: 'µs', ...options })
    for (let round = 0; round < rounds; round++) {
      const said = await run(['cargo', 'bench', '-q', '--bench', 'spawn', '--', String(megabytes), '200'], {
        cwd: root,
      })
      const { ours, oursAsUser, standard, standardAsUser } = JSON.parse(said)
      row('plain').add('rpm', ours)
      row('plain').add('limit', standard)
      row('with a user id', { wish: { value: 300 } }).add('rpm', oursAsUser)
      row('with a user id').add('limit', standardAsUser)
    }
  }
  report.note("spawn: the limit is Rust's std::process::Command, which forks as soon as it has a user id to take on")
}

export default async (report, { rounds, cargo }) => {
  const rows = rowsOf(report)
  await alternating(rounds, ['rpm', 'pm2'], (name) => withManager(name, (manager) => deaths(manager, rows, report)))
  await recoveries(rows)
  await weigh(report)
  if (cargo) await spawns(report, rounds)
  else report.note('survival: spawning was skipped: cargo is not installed')
}
