// Lines from apps to files and followers.
import { closeSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { alternating, app, withManager } from '../lib/managers.mjs'
import { cpuMs, descendantsOf, memory, nameOf } from '../lib/proc.mjs'
import { quantile } from '../lib/report.mjs'
import { child, drop, end, folder, guard } from '../lib/scratch.mjs'
import { now, until } from '../lib/wait.mjs'

const GIB = 1 << 30
const BYTES = GIB / 2
const MANY = 100
const MANY_MS = 3000
const TICKS = 150

const rowsOf = (report) => ({
  rate: report.row('logs', 'flood', { unit: 'MiB/s', more: true, wish: { limit: 0.95 } }),
  cpu: report.row('logs', 'flood: CPU of the manager', { unit: 's/GiB', wish: { value: 1.2 } }),
  peak: report.row('logs', 'flood: peak RSS', { unit: 'MiB', wish: { value: 8 } }),
  many: report.row('logs', `${MANY} apps, 1000 lines/s each: CPU`, { unit: '% core', wish: { value: 25 } }),
  arrived: report.row('logs', `${MANY} apps, 1000 lines/s each: arrived`, { unit: 'lines/s', more: true }),
  p50: report.row('logs', 'written → follower, p50', { unit: 'ms', wish: { value: 0.25 } }),
  p99: report.row('logs', 'written → follower, p99', { unit: 'ms', wish: { value: 2 } }),
})

// What is in a folder: a manager may rotate.
const sizeOf = (place) => readdirSync(place).reduce((sum, file) => sum + statSync(join(place, file)).size, 0)

// From the first byte to the last, so that the start of Node doesn't count.
const written = async (place, bytes, pids, rows, name) => {
  await until(() => sizeOf(place) > 0, 'no output arrives', { every: 0 })
  const [begun, before, had] = [now(), cpuMs(pids()), sizeOf(place)]
  await until(() => sizeOf(place) >= bytes, 'output is missing', { timeout: 60_000, every: 1 })
  const moved = sizeOf(place) - had
  rows.rate.add(name, moved / 1048576 / ((now() - begun) / 1000))
  rows.cpu.add(name, (cpuMs(pids()) - before) / 1000 / (moved / GIB))
}

// As much as whole chunks of the program make.
const wholeChunks = (bytes) => Math.floor(bytes / (120 * 546)) * 120 * 546

const flood = async (manager, rows) => {
  const place = folder('flood')
  const started = manager.start({
    name: 'flood',
    script: app('flood.js'),
    exec_mode: 'fork',
    out_file: join(place, 'out.log'),
    error_file: '/dev/null',
    env: { BENCH_BYTES: String(BYTES) },
  })
  await Promise.all([started, written(place, wholeChunks(BYTES), () => manager.daemons, rows, manager.name)])
  rows.peak.add(manager.name, memory(manager.daemons).peak)
  await manager.delete()
  drop(place)
}

const many = async (manager, rows) => {
  const place = folder('many')
  await manager.start({
    name: 'many',
    script: app('thousand.pl'),
    interpreter: 'perl',
    exec_mode: 'fork',
    instances: MANY,
    merge_logs: false,
    out_file: join(place, 'out.log'),
    error_file: join(place, 'error.log'),
  })
  await sleep(1000)
  const [begun, before, had] = [now(), cpuMs(manager.daemons), sizeOf(place)]
  await sleep(MANY_MS)
  const [seconds, lines] = [(now() - begun) / 1000, (sizeOf(place) - had) / 120]
  rows.many.add(manager.name, (cpuMs(manager.daemons) - before) / seconds / 10)
  rows.arrived.add(manager.name, lines / seconds)
  await manager.delete()
  drop(place)
}

// Latencies of lines that arrive on `stream`, in ms; both ends read the same clock.
const latencies = (stream) =>
  new Promise((resolve, reject) => {
    const seen = []
    let rest = ''
    const late = setTimeout(
      () => reject(new Error(`${seen.length} of ${TICKS} lines were seen by the follower`)),
      20_000,
    )
    stream.on('data', (chunk) => {
      const at = process.hrtime.bigint()
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const tick = line.match(/tick (\d+)/)
        if (tick) seen.push(Number(at - BigInt(tick[1])) / 1e6)
      }
      if (seen.length < TICKS) return
      clearTimeout(late)
      // The first ones waited for the follower to start.
      resolve(seen.slice(20))
    })
  })

const note = (rows, name, seen) => {
  rows.p50.add(name, quantile(seen, 0.5))
  rows.p99.add(name, quantile(seen, 0.99))
}

const follow = async (manager, rows) => {
  await manager.start({ name: 'ticks', script: app('ticks.js'), exec_mode: 'fork' })
  const [program, ...args] = manager.command('logs', 'ticks', '--raw', '--lines', '0')
  const follower = child(program, args, { env: manager.env, stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    note(rows, manager.name, await latencies(follower.stdout))
  } finally {
    end([follower.pid])
  }
  await manager.delete()
}

// `cat` into a file, and a pipe that we read ourselves.
const limits = async (rows) => {
  const place = folder('cat')
  const out = openSync(join(place, 'out.log'), 'w')
  const env = { ...process.env, BENCH_BYTES: String(BYTES) }
  // The shell connects them with a pipe, as managers do; Node would with a socket.
  const shell = child('sh', ['-c', '"$0" "$1" | exec cat', process.execPath, app('flood.js')], {
    env,
    stdio: ['ignore', out, 'ignore'],
  })
  const cat = await until(() => descendantsOf(shell.pid).find((pid) => nameOf(pid) === 'cat'), 'cat has not begun')
  await written(place, wholeChunks(BYTES), () => [cat], rows, 'limit')
  rows.peak.add('limit', memory([cat]).peak)
  const all = [...descendantsOf(shell.pid), shell.pid]
  all.forEach(guard)
  end(all)
  closeSync(out)
  drop(place)
  const ticks = child(process.execPath, [app('ticks.js')], { stdio: ['ignore', 'pipe', 'ignore'] })
  note(rows, 'limit', await latencies(ticks.stdout))
  end([ticks.pid])
}

export default async (report, { rounds, perl }) => {
  const rows = rowsOf(report)
  if (!perl) report.note('100 apps that print were skipped: perl is not installed')
  const steps = perl ? [flood, many, follow] : [flood, follow]
  const round = (name) =>
    withManager(name, async (manager) => {
      await manager.begin()
      for (const step of steps) await step(manager, rows)
    })
  await alternating(rounds, ['rpm', 'limit', 'pm2'], (name) => (name === 'limit' ? limits(rows) : round(name)))
}
