// Compiled, never run: each line has to be accepted, and each `@ts-expect-error` refused.

import * as all from 'rpm-native'
import rpm, { type App, Client, list, type ProcessInfo, type RpmError, Supervisor, start } from 'rpm-native'

const [first]: ProcessInfo[] = await start({ script: 'a.js', instances: 'max', exec_mode: 'cluster' })
const id: number | undefined = first?.id
const pid: number | null | undefined = first?.pid
if (first?.status === 'online') void [id, pid]
// @ts-expect-error no such status
if (first?.status === 'running') void 0

await rpm.start('a.js', { name: 'a', maxRestarts: 3, kill_timeout: '10s', env: { A: 1 }, force: true })
await rpm.start('ecosystem.config.js', { env: 'production', only: ['a', 'b'] })
await rpm.start([
  { script: 'a.js', env_production: { A: 'b' } },
  { script: './b.py', interpreter: 'python3' },
])
await rpm.start({ apps: [{ script: 'a.js' }] })
rpm.start('a.js', (error, started) => void [error?.code, started[0]?.process.pid, started[0]?.pm2_env.status])
rpm.start({ script: 'a.js' }, {}, (error: RpmError | null) => void error?.hint)
const everything: App = {
  script: 'a.js',
  autorestart: 'on-failure',
  restart_window: '1m',
  depends_on: { db: 'healthy', cache: { condition: 'started' } },
  notify: true,
  ready_log: '^listening',
  startup_probe: { tcp: 5432, period: '2s' },
  readyProbe: { http: 'http://127.0.0.1:3000/up', failureThreshold: 5 },
  live_probe: { exec: ['test', '-f', 'x'] },
  max_memory_restart: '1.5G',
  memory_max: 1 << 30,
  cpu: '50%',
  rlimits: { nofile: 65536, core: [0, 'unlimited'] },
  cpuAffinity: [0, 1],
  umask: '022',
  cron: '0 4 * * *',
  time_zone: 'Europe/Vienna',
  job: true,
  job_overlap: 'queue',
  sched: 'kernel',
  drainTimeout: '10s',
  agent: false,
  listen: [3000, '127.0.0.1:3001', './run/app.sock'],
  reload_parallel: 2,
  health_window: '1m',
  watch: ['src'],
  ignoreWatch: 'tmp',
  env_file: ['.env', '.env.local'],
  env_production: { A: 1 },
  secrets: { TOKEN: { file: '/run/token' }, KEY: { command: 'pass show key' } },
  source_map_support: true,
  vizion: false,
  windowsHide: true,
}
await rpm.start({ $schema: './node_modules/rpm-native/schema/ecosystem.schema.json', apps: [everything] })
// @ts-expect-error a probe asks one thing
await rpm.start({ script: 'a.js', live_probe: { period: '5s' } })
// @ts-expect-error no such condition
await rpm.start({ script: 'a.js', depends_on: { db: 'gone' } })
// @ts-expect-error no such unit
await rpm.start({ script: 'a.js', max_memory_restart: '5 parsec' })
// @ts-expect-error an app needs a script
await rpm.start({ name: 'a' })
// @ts-expect-error no such mode
await rpm.start({ script: 'a.js', exec_mode: 'threads' })
// @ts-expect-error no such field
await rpm.start('a.js', { instnaces: 2 })

await rpm.stop('all', { force: true })
await rpm.kill({ force: true })
const next: number | null | undefined = first?.job ? first.nextRun : undefined
const why: string | undefined = (await rpm.describe('a'))[0]?.cause?.what
void [next, why]
const watched: boolean | undefined = first?.watching
const [described] = await rpm.describe('a')
const mark: boolean | null | undefined = described?.monitored
const open: number | null | undefined = described?.draining?.open
void [watched, mark, open]
// @ts-expect-error the process that drains is another one
void described?.draining?.id
await rpm.stop('all')
await rpm.delete(0)
await all.delete('a')
await rpm.restart('ecosystem.config.js', { env: 'staging' })
await rpm.scale('a', '+2')
await rpm.sendSignal('SIGUSR2', 'a')
// @ts-expect-error no such signal
await rpm.sendSignal('SIGFOO', 'a')
rpm.list((_error, processes) => void processes[0]?.monit.cpu)
// @ts-expect-error with a callback there is no promise
rpm.list(() => {}).then()

const names: string[] = (await list()).map((process) => process.name)
const [description] = await rpm.describe(names[0] ?? 'a')
const script: string | undefined = description?.script

for await (const { line, at, stream } of rpm.logs('a', { lines: 10, stream: 'out' })) void [line, at, stream, script]
const events = rpm.events()
await events.ready()
for await (const { event, process } of events) if (event === 'restart overlimit') void process.name
events.close()

await using supervisor = new Supervisor({ home: '/tmp/x' })
await supervisor.start({ script: 'a.js' })
await supervisor.close()
// @ts-expect-error it has no daemon to end
await supervisor.kill()

const client = new Client({ home: '/srv/rpm' })
const { version }: { version: string } = await client.connect()
await client.disconnect()
const ran: boolean = await client.kill()
void [version, ran]
