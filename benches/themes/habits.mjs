// What PM2's users type beside the everyday: saved lists, views, static files, apps in the foreground.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repeated } from '../lib/command.mjs'
import { wrk } from '../lib/load.mjs'
import { alternating, example, withManager } from '../lib/managers.mjs'
import { descendantsOf, memory, startOf } from '../lib/proc.mjs'
import { child, end, guard } from '../lib/scratch.mjs'
import { answering, freePort, now, timed, until } from '../lib/wait.mjs'

const APPS = 50
const LOAD_SECONDS = 3
const PAGE = `<!doctype html>\n${'<p>The quick brown fox jumps over the lazy dog.\n'.repeat(220)}`

const rowsOf = (report) => {
  const row = (name, unit, more = {}) => report.row('habits', name, { unit, ...more })
  return {
    save: row(`save, ${APPS} apps`, 'ms'),
    resurrect: row(`resurrect ${APPS} apps, all online`, 'ms'),
    env: row(`env, ${APPS} apps in the list`, 'ms'),
    prettylist: row(`prettylist, ${APPS} apps`, 'ms'),
    begun: row('serve: command → first answer', 'ms'),
    rate: row('serve: 10 KiB file, keep-alive', '/s', { more: true }),
    idle: row('serve: its process at rest, RSS', 'MiB'),
    loaded: row('serve: its process after the load, RSS', 'MiB'),
    runtime: row('runtime: start → first answer', 'ms'),
    held: row('runtime: all but the app, RSS', 'MiB'),
    left: row('runtime: SIGTERM → everything has ended', 'ms'),
  }
}

const sleepers = () =>
  Array.from({ length: APPS }, (_, at) => ({
    name: `sleep-${at}`,
    script: '/bin/sleep',
    args: ['100000'],
    interpreter: 'none',
    exec_mode: 'fork',
  }))

const online = async (manager) => (await manager.list()).filter((app) => app.status === 'online').length

const lists = async (manager, rows) => {
  await manager.start(sleepers())
  const words = { save: ['save'], env: ['env', '0'], prettylist: ['prettylist'] }
  for (const [row, command] of Object.entries(words)) {
    const { wall } = await repeated(manager.command(...command), { env: manager.env, budget: 400 })
    rows[row].add(manager.name, wall)
  }
  await manager.delete()
  rows.resurrect.add(
    manager.name,
    await timed(async () => {
      await manager.run('resurrect')
      await until(async () => (await online(manager)) === APPS, 'not all of the saved list is online')
    }),
  )
  manager.guard()
  await manager.delete()
}

const responds = (port) => fetch(`http://127.0.0.1:${port}/`).then(async (response) => (await response.text()) === PAGE)

const files = async (manager, rows, hasWrk) => {
  const [port, directory] = [await freePort(), join(manager.home, 'site')]
  mkdirSync(directory)
  writeFileSync(join(directory, 'index.html'), PAGE)
  rows.begun.add(
    manager.name,
    await timed(async () => {
      await manager.run('serve', directory, String(port))
      await until(() => responds(port).catch(() => false), 'the files are not served', { every: 1 })
    }),
  )
  manager.guard()
  const [server] = await manager.pids(`static-page-server-${port}`)
  rows.idle.add(manager.name, memory(server).rss)
  if (hasWrk) {
    rows.rate.add(manager.name, (await wrk(port, 'keep-alive', LOAD_SECONDS)).rate)
    rows.loaded.add(manager.name, memory(server).rss)
  }
  await manager.delete()
}

const foreground = async (manager, rows) => {
  const port = await freePort()
  const [program, ...words] = manager.foreground(example('http.js'))
  const env = { ...manager.env, PORT: String(port) }
  const begun = now()
  const runtime = child(program, words, { env, cwd: manager.home, stdio: 'ignore' })
  const app = await until(() => answering(port), 'nothing answers in the foreground', { every: 1 })
  rows.runtime.add(manager.name, now() - begun)
  const all = [runtime.pid, ...descendantsOf(runtime.pid)]
  all.forEach(guard)
  rows.held.add(manager.name, memory(all.filter((pid) => pid !== app)).rss)
  rows.left.add(
    manager.name,
    await timed(async () => {
      const ended = once(runtime, 'exit')
      runtime.kill('SIGTERM')
      await ended
      await until(() => !all.some(startOf), 'what ran in the foreground lives on', { every: 0 })
    }),
  )
  end(all)
}

export default async (report, { rounds, wrk: hasWrk }) => {
  const rows = rowsOf(report)
  if (!hasWrk) report.note('habits: without wrk nothing loads the static files')
  await alternating(rounds, ['rpm', 'pm2'], (name) =>
    withManager(name, async (manager) => {
      await manager.begin()
      await lists(manager, rows)
      await files(manager, rows, hasWrk)
    }),
  )
  // In a home of its own: PM2's counterpart is a daemon itself.
  await alternating(rounds, ['rpm', 'pm2'], (name) => withManager(name, (manager) => foreground(manager, rows)))
}
