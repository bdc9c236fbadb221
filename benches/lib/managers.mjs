// rpm-native and PM2 behind one face, each daemon in a home of its own.
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './command.mjs'
import { descendantsOf, nameOf, parentOf, startOf } from './proc.mjs'
import { drop, end, folder, guard } from './scratch.mjs'
import { until } from './wait.mjs'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

export const app = (name) => join(root, 'benches/apps', name)
export const example = (name) => join(root, 'examples', name)

const PROGRAMS = {
  rpm: { home: 'RPM_HOME', pidFile: 'rpm.pid', command: [] },
  pm2: { home: 'PM2_HOME', pidFile: 'pm2.pid', command: [] },
}

// The caller's own settings of either manager would change what is measured.
const cleanEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PM2|RPM)/i.test(name)))

// Finds both programs; without `PM2` it is installed into a scratch folder.
export const prepare = async () => {
  const ours = resolve(process.env.RPM ?? join(root, 'target/release/rpm'))
  if (!existsSync(ours)) throw new Error(`${ours} is missing: cargo build --release --bin rpm, or set RPM`)
  PROGRAMS.rpm.command = [ours]
  PROGRAMS.pm2.command = [process.env.PM2 ? resolve(process.env.PM2) : await installed()]
  return { rpm: ours, pm2: versionOf(PROGRAMS.pm2.command[0]) }
}

// Not `--version`: that starts a daemon, which stays.
const versionOf = (program) =>
  JSON.parse(readFileSync(join(dirname(realpathSync(program)), '../package.json'), 'utf8')).version

const installed = async () => {
  const place = folder('pm2-package')
  process.stderr.write('installing pm2@7 into a scratch folder\n')
  await run(['npm', 'install', '--no-audit', '--no-fund', '--prefix', place, 'pm2@7'])
  return join(place, 'node_modules/.bin/pm2')
}

export class Manager {
  constructor(name) {
    this.name = name
    this.home = folder(name)
    this.program = PROGRAMS[name]
    this.env = {
      ...cleanEnvironment(),
      [this.program.home]: this.home,
      PM2_DISABLE_VERSION_CHECK: 'true',
      NO_COLOR: '1',
    }
  }

  command(...args) {
    return [...this.program.command, ...args]
  }

  // Runs an app as the program of a container.
  foreground(script) {
    const [program] = this.program.command
    return this.name === 'rpm' ? [program, 'runtime', script] : [join(dirname(program), 'pm2-runtime'), script]
  }

  // Options of the run may come last.
  run(...words) {
    const options = typeof words.at(-1) === 'object' ? words.pop() : {}
    return run(this.command(...words), { env: this.env, cwd: this.home, ...options })
  }

  // Any command that only asks starts the daemon.
  async begin() {
    await this.run('list')
    this.guard()
  }

  // Writes an application file and gives its path.
  file(apps) {
    const path = join(this.home, 'bench.json')
    writeFileSync(path, JSON.stringify({ apps: [apps].flat() }))
    return path
  }

  async start(apps) {
    await this.run('start', this.file(apps))
    this.guard()
  }

  async list() {
    const processes = JSON.parse(await this.run('jlist'))
    return processes.map(({ name, pid, pm2_env: { status, restart_time: restarts } }) => ({
      name,
      pid,
      status,
      restarts,
    }))
  }

  // Of one app, in the order of the list.
  async pids(name) {
    return (await this.list()).filter((one) => one.name === name && one.pid).map((one) => one.pid)
  }

  get daemon() {
    return Number(readFileSync(join(this.home, this.program.pidFile), 'utf8'))
  }

  // The daemon, and the guardian it may have for a parent.
  get daemons() {
    const parent = parentOf(this.daemon)
    return nameOf(parent).includes('guardian') ? [this.daemon, parent] : [this.daemon]
  }

  guard() {
    for (const daemon of this.daemons) [daemon, ...descendantsOf(daemon)].forEach(guard)
  }

  async delete() {
    await this.run('delete', 'all')
  }

  async end() {
    const daemons = existsSync(join(this.home, this.program.pidFile)) ? this.daemons : []
    const all = daemons.flatMap((daemon) => [daemon, ...descendantsOf(daemon)])
    all.forEach(guard)
    await this.run('kill', { timeout: 20_000 }).catch(() => {})
    // What the command could not end is ended below.
    await until(() => !all.some(startOf), 'processes of a manager live on', { timeout: 3000 }).catch(() => {})
    end(all)
    drop(this.home)
  }
}

// Does `work` with a manager and ends it, whatever happens.
export const withManager = async (name, work) => {
  const manager = new Manager(name)
  try {
    return await work(manager)
  } finally {
    await manager.end()
  }
}

// Round after round, each time in the other order.
export const alternating = async (rounds, names, work) => {
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? [...names].reverse() : names) await work(name, round)
  }
}
