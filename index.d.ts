// The API, by hand over the types that are generated from Rust (native.d.ts).

import type { DaemonInfo, LogEntry, ProcessDetails, ProcessEvent, ProcessInfo } from './native'
import type { CustomOptions, Pm2Acted, Pm2Calls, Pm2Connection, Pm2Process, Pm2Started, Pm2Success } from './pm2'

export type {
  AppSource,
  DaemonDeath,
  DaemonInfo,
  DaemonUpdate,
  GuardianInfo,
  LogEntry,
  ProcessConnections,
  ProcessEvent,
  ProcessInfo,
  ReloadStep,
  RestartCause,
} from './native'

export type {
  Bus,
  BusSocket,
  CustomOptions,
  DataPacket,
  EventPacket,
  KillPacket,
  LogPacket,
  Packet,
  PacketOrigin,
  Pm2Acted,
  Pm2Calls,
  Pm2Connection,
  Pm2Environment,
  Pm2Process,
  Pm2Started,
  Pm2Success,
  SaveReport,
  ServeOptions,
  Setting,
  StartupOptions,
  TriggerReply,
} from './pm2'

/** Everything known of a process. */
export type ProcessDescription = ProcessInfo & Omit<ProcessDetails, 'process'>

export type ProcessStatus = ProcessInfo['status']

/** Variables of an app. Values that are not text are written as text, objects as JSON. */
export type Environment = Record<string, unknown>

/** Milliseconds, or a number with a unit: `1500`, `'10s'`, `'5m'`. */
export type Duration = number | `${number}${'' | 'ms' | 's' | 'm' | 'h' | 'd'}`

/** Bytes, or a number with a binary unit: `'512M'`, `'1.5G'`. */
export type Size = number | `${number}${'' | 'B' | 'K' | 'KB' | 'M' | 'MB' | 'G' | 'GB' | 'k' | 'm' | 'g'}`

/** What is asked of a running app, again and again. Exactly one of `http`, `tcp` and `exec`. */
export type Probe = (
  | { http: string | number | { port: number; host?: string; path?: string; headers?: Record<string, string> } }
  | { tcp: string | number | { port: number; host?: string } }
  | { exec: string | string[] }
) & {
  initial_delay?: Duration
  initialDelay?: Duration
  initialDelaySeconds?: number
  /** From one question to the next. Default: `'10s'`. */
  period?: Duration
  interval?: Duration
  periodSeconds?: number
  /** Default: `'1s'`. */
  timeout?: Duration
  timeoutSeconds?: number
  /** Default: 1. */
  success_threshold?: number
  successThreshold?: number
  /** Default: 3. */
  failure_threshold?: number
  failureThreshold?: number
}

/** How another app has to be before one is started. */
export type Condition = 'started' | 'ready' | 'healthy' | 'completed'

/** A limit of a resource: both, or the soft and the hard one. */
export type ResourceLimit = Size | 'unlimited' | [soft: Size | 'unlimited', hard: Size | 'unlimited']

/** The fields of an app by their own names. */
export interface AppFields {
  /** A file, a program in `PATH`, or a shell line. Relative to `cwd`. */
  script?: string
  exec?: string
  cmd?: string
  command?: string
  /** Default: the script's file name without its extension. */
  name?: string
  /** Put before the name. */
  name_prefix?: string
  namespace?: string
  /** Working directory, and where relative paths start. */
  cwd?: string
  /** A text is split at white space, honouring quotes. */
  args?: string | string[]
  /** Arguments of the interpreter, before the script. */
  node_args?: string | string[]
  interpreter_args?: string | string[]
  /** A program; `none` executes the script itself. Default: by the script's extension. */
  interpreter?: 'node' | 'bun' | 'deno' | 'python3' | 'bash' | 'none' | (string & {})
  exec_interpreter?: string
  /** Workers of a cluster share the ports they listen on. Default: `cluster` when `instances` is given for a Node script. */
  exec_mode?: 'fork' | 'cluster' | 'fork_mode' | 'cluster_mode'
  /** The same as `exec_mode: 'fork'`. */
  execute_command?: boolean
  /** Whether Node maps stack traces to the sources. */
  source_map_support?: boolean
  disable_source_map_support?: boolean
  /** `max` is one for each core, a negative number that many fewer. */
  instances?: number | 'max' | `${number}`
  /** The variable with the instance's number. */
  instance_var?: string
  /** A variable of `env` that grows by one from instance to instance. */
  increment_var?: string
  env?: Environment
  /** Files of variables, below `env`. */
  env_file?: string | string[]
  env_files?: string | string[]
  /** Variables whose values are read at each start, and never kept. */
  secrets?: Record<string, { file: string } | { command: string }>
  /** Variables of the caller that the app does not get: all, or those whose names contain one of these. */
  filter_env?: boolean | string | string[]
  /** Variables of the caller that the app gets: all, none, or those of these names, in which `*` stands for any text. */
  env_inherit?: boolean | string | string[]
  append_env_to_name?: boolean
  /** Sets `PORT`. */
  port?: number | `${number}`
  out_file?: string
  out?: string
  output?: string
  out_log?: string
  error_file?: string
  error?: string
  err?: string
  err_file?: string
  err_log?: string
  pid_file?: string
  pid?: string
  /** All instances write one file. */
  merge_logs?: boolean
  combine_logs?: boolean
  disable_logs?: boolean
  /** One more file, for both streams; true: `<name>.log` in the home. */
  log_file?: boolean | string
  log?: boolean | string
  /** `json`: an object a line; else lines are as the app writes them. */
  log_type?: string
  /** The date before each line, in the tokens of Day.js. */
  log_date_format?: string
  /** `log_date_format` is `YYYY-MM-DDTHH:mm:ss`. */
  time?: boolean
  /** Whether `start` launches it, or only lists it. */
  autostart?: boolean
  /** `on-failure`: not after an end with code 0. */
  autorestart?: boolean | 'on-failure'
  /** Unstable exits in a row after which it is `errored`. */
  max_restarts?: number
  /** Within this time `max_restarts` ends of any kind are too many. */
  restart_window?: Duration
  /** A run shorter than this is unstable. */
  min_uptime?: Duration
  restart_delay?: Duration
  /** First delay of an exponential back-off. */
  exp_backoff_restart_delay?: Duration
  /** Exit codes that mean "done". */
  stop_exit_codes?: number | string | (number | string)[]
  /** Apps that have to be `ready`, or as told, before this one is started. */
  depends_on?: string | string[] | Record<string, Condition | { condition: Condition }>
  /** How long it has to end before it is killed. */
  kill_timeout?: Duration
  kill_signal?: NodeJS.Signals | number
  /** Wait for `process.send('ready')`. */
  wait_ready?: boolean
  /** Wait for `READY=1` on `NOTIFY_SOCKET`, as systemd's services send it. */
  notify?: boolean
  sd_notify?: boolean
  /** Wait for a line of output that matches this regular expression. */
  ready_log?: string
  /** Asked until it succeeds; the other probes wait for that. */
  startup_probe?: Probe
  /** Whether it can serve now. */
  ready_probe?: Probe
  readiness_probe?: Probe
  /** Whether it is well; too many failures end and restart it. */
  live_probe?: Probe
  liveness_probe?: Probe
  /** How long to wait until it is ready. */
  listen_timeout?: Duration
  /** Ask it to end by the message `shutdown` instead of a signal. */
  shutdown_with_message?: boolean
  /** Whether what the app started ends with it. */
  treekill?: boolean
  /** Memory of a process with all it has started, above which it is replaced. */
  max_memory_restart?: Size
  /** `memory.max` of its control group. */
  memory_max?: Size
  /** `memory.high` of its control group. */
  memory_high?: Size
  /** Cores it may use: `1.5`, `'50%'`. */
  cpu?: number | `${number}` | `${number}%`
  cpu_max?: number | `${number}` | `${number}%`
  /** `pids.max` of its control group. */
  pids_max?: number
  /** By the name of the resource, such as `nofile`. */
  rlimits?: Record<string, ResourceLimit>
  /** From -20, the most favoured, to 19. */
  nice?: number
  /** The cores it may run on: `0`, `[0, 2]`, `'0-2,5'`. */
  cpu_affinity?: number | string | number[]
  /** From -1000, never killed when memory runs out, to 1000, killed first. */
  oom_score_adj?: number
  /** Octal: `'022'`. */
  umask?: string
  /** When it is restarted; of a job, when it is run. Five fields, or six with seconds first. */
  cron_restart?: string | 0
  cron?: string | 0
  /** Of `cron_restart`: `'Europe/Vienna'`. */
  time_zone?: string
  timezone?: string
  tz?: string
  /** It runs and ends, by `cron_restart` or by hand. */
  job?: boolean
  /** What becomes of a run that is due while another is under way. Default: `skip`. */
  job_overlap?: 'skip' | 'queue' | 'replace'
  overlap?: 'skip' | 'queue' | 'replace'
  /** Whether one run follows for those that were missed. */
  job_catch_up?: boolean
  catch_up?: boolean
  /** After this time a run is stopped and counts as failed. */
  job_timeout?: Duration
  /** Which worker of a cluster gets a new connection. Default: `round-robin`. */
  sched?: 'round-robin' | 'kernel' | 'ip-hash'
  cluster_schedule?: 'round-robin' | 'kernel' | 'ip-hash'
  /** What a worker that leaves has to finish its connections. Default: 30 s. */
  drain_timeout?: Duration
  /** Whether Node runs with our agent, which helps a worker to finish its connections. Default: true. */
  agent?: boolean
  /** Sockets that are bound for the app, and that it inherits (`LISTEN_FDS`). */
  listen?: number | string | (number | string)[]
  /** How many processes of the app a reload replaces at a time. Default: 1. */
  reload_parallel?: number
  /** After a reload the new processes must stay well for this long, or the version before returns. */
  health_window?: Duration
  /** Restart when files change: those of `cwd`, or of these paths. */
  watch?: boolean | string | string[]
  ignore_watch?: string | string[]
  /** How long nothing may change before it is restarted. */
  watch_delay?: Duration
  username?: string
  /** The user it runs as, by name or number; only where the supervisor is root's. */
  uid?: string | number
  user?: string | number
  /** Its group; by default the user's own. */
  gid?: string | number

  // PM2's, kept for `jlist`; they do nothing here.
  force?: boolean
  write?: boolean
  kill_retry_time?: Duration
  watch_options?: Record<string, unknown>
  vizion?: boolean
  automation?: boolean
  windowsHide?: boolean
  windows_hide?: boolean
  pmx?: boolean | string
  trace?: boolean
  disable_trace?: boolean
  v8?: boolean
  event_loop_inspector?: boolean
  deep_monitoring?: boolean
  post_update?: string | string[]
  install_url?: string
  io?: Record<string, unknown>
}

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

type CamelCased<Fields> = { [Name in keyof Fields as CamelCase<Name & string>]: Fields[Name] }

/** An app, its fields in snake_case or camelCase. */
export type AppOptions = AppFields &
  CamelCased<AppFields> & {
    /** Variables that are added under `{ env: '<profile>' }`. (The texts are those of `env_file`, which is called alike.) */
    [profile: `env_${string}`]: Environment | string | string[] | undefined
  }

/** An app that can be started. */
export type App = AppOptions & { script: string }

/** What an application file holds. */
export type Apps = App | App[] | { $schema?: string; apps: App | App[] }

/** Options beside a script: fields of the app. */
export type ScriptOptions = AppOptions & {
  /** Start another copy though one runs under this name. */
  force?: boolean
}

/** Options beside an application file or objects: what to take of them, and fields for each app. */
export type FileOptions = Omit<AppOptions, 'env'> & {
  /** The profile, `env_<name>`, to add. */
  env?: string
  /** The only apps to take. */
  only?: string | string[]
}

export interface ReloadOptions {
  /** How many processes of each app are replaced at a time, instead of its `reload_parallel`. */
  parallel?: number
}

/** A name, an id, a namespace, `all`, `/regex/`, or a script's path. */
export type Target = string | number

/** A target, or the apps that an application file (or its content) names. */
export type TargetOrApps = Target | Apps

/** What calls reject with. */
export interface RpmError extends Error {
  code:
    | 'NOT_FOUND'
    | 'ALREADY_RUNNING'
    | 'NOT_RUNNING'
    | 'START_FAILED'
    | 'RELOAD_FAILED'
    | 'RELOAD_IN_PROGRESS'
    | 'SAME_SIZE'
    | 'INVALID'
    | 'CONFIG'
    | 'UNREACHABLE'
    | 'PERMISSION'
    | 'SUPERSEDED'
    | 'CLOSING'
    | 'INTERNAL'
    | 'NATIVE_MISSING'
    | 'EMPTY_LIST'
    | 'COMMAND_FAILED'
    | 'UNSUPPORTED'
  /** What to do next. */
  hint?: string
  /** In a callback, whose `message` is PM2's: the error as it was. */
  cause?: unknown
}

/** PM2's way of calling. */
export type Callback<Result> = (error: RpmError | null, result: Result) => void

export interface LogStreamOptions {
  /** How many of the last lines of each file come first. Default: 15. */
  lines?: number
  /** Whether what is written from now on follows. Default: true. */
  follow?: boolean
  /** Only one stream. */
  stream?: 'out' | 'err'
}

/** Items to pull with `for await`. A wait for the next one keeps the program alive, an idle stream doesn't. */
export interface Stream<Item> extends AsyncIterableIterator<Item> {
  /** Resolves when nothing that happens from now on is missed. */
  ready(): Promise<void>
  /** Ends the stream, also for a `next()` that waits. */
  close(): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface LogStream extends Stream<LogEntry> {
  /** Bytes that were left out because this reader was too slow. They are in the log files. */
  readonly dropped: number
}

export interface EventStream extends Stream<ProcessEvent> {}

/** How what runs is ended. */
export interface EndOptions {
  /** Kill it, and all that it has started (SIGKILL), instead of asking it to end. */
  force?: boolean
}

/** Beside a name: whose variables it gets. */
export interface EnvironmentOptions {
  /** Those of this program, instead of the ones it was started with. */
  updateEnv?: boolean
}

/** What can be asked of a supervisor. With a callback the results are PM2's. */
interface Manager extends Pm2Calls {
  /**
   * Starts a script, an application file, an app or a list of apps. An object whose name runs already is restarted, and
   * so is what is known by a name or an id.
   */
  start(known: number): Promise<ProcessInfo[]>
  start(known: number, callback: Callback<Pm2Started[]>): void
  start(script: string, options?: ScriptOptions | FileOptions): Promise<ProcessInfo[]>
  start(apps: Apps, options?: FileOptions): Promise<ProcessInfo[]>
  start(target: string | Apps, callback: Callback<Pm2Started[]>): void
  start(script: string, options: ScriptOptions | FileOptions, callback: Callback<Pm2Started[]>): void
  start(apps: Apps, options: FileOptions, callback: Callback<Pm2Started[]>): void

  /** Resolves when nothing of the processes lives. */
  stop(target: TargetOrApps, options?: EndOptions): Promise<ProcessInfo[]>
  stop(target: TargetOrApps, callback: Callback<Pm2Acted[]>): void
  stop(target: TargetOrApps, options: EndOptions, callback: Callback<Pm2Acted[]>): void

  /** With an application file its settings are applied, and apps that are missing are started. */
  restart(target: TargetOrApps, options?: FileOptions & EndOptions & EnvironmentOptions): Promise<ProcessInfo[]>
  restart(target: TargetOrApps, callback: Callback<Pm2Acted[]>): void
  restart(
    target: TargetOrApps,
    options: FileOptions & EndOptions & EnvironmentOptions,
    callback: Callback<Pm2Acted[]>,
  ): void

  /**
   * Replaces cluster workers, and apps that inherit their sockets (`listen`), one after the other, the new one ready
   * before the old one goes; restarts other processes. Resolves after the `health_window`; `events` tells of each step.
   */
  reload(target: TargetOrApps, options?: FileOptions & ReloadOptions & EnvironmentOptions): Promise<ProcessInfo[]>
  reload(target: TargetOrApps, callback: Callback<Pm2Acted[]>): void
  reload(
    target: TargetOrApps,
    options: FileOptions & ReloadOptions & EnvironmentOptions,
    callback: Callback<Pm2Acted[]>,
  ): void

  /** Stops and forgets. */
  delete(target: TargetOrApps, options?: EndOptions): Promise<ProcessInfo[]>
  delete(target: TargetOrApps, callback: Callback<Pm2Acted[]>): void
  delete(target: TargetOrApps, options: EndOptions, callback: Callback<Pm2Acted[]>): void

  /** Sets the restart counters to 0. */
  reset(target: Target): Promise<ProcessInfo[]>
  reset(target: Target, callback: Callback<Pm2Success>): void

  /** Sets how many processes an app has; `'+2'` and `'-1'` change it. */
  scale(name: string, count: number | `${number}` | `+${number}`): Promise<ProcessInfo[]>
  scale(name: string, count: number | `${number}` | `+${number}`, callback: Callback<Pm2Success>): void

  list(): Promise<ProcessInfo[]>
  list(callback: Callback<Pm2Process[]>): void

  /** Nothing found is an empty list. */
  describe(target: Target): Promise<ProcessDescription[]>
  describe(target: Target, callback: Callback<Pm2Process[]>): void

  sendSignal(signal: NodeJS.Signals | number, target: Target): Promise<ProcessInfo[]>
  sendSignal(signal: NodeJS.Signals | number, target: Target, callback: Callback<Pm2Acted[]>): void

  /** Lines of apps: the last ones of their files, then what they write. Default: of all. */
  logs(target?: Target, options?: LogStreamOptions): LogStream

  /** What happens to processes from now on. */
  events(): EventStream

  /** Empties the log files of a target, or all of them. */
  flush(target?: Target): Promise<void>
  flush(callback: Callback<Pm2Process[]>): void
  flush(target: Target, callback: Callback<Pm2Process[]>): void

  /** Who answers. */
  ping(): Promise<DaemonInfo>
  ping(callback: Callback<{ msg: 'pong' }>): void
}

/** The daemon of a home, started by the first call when it does not run. */
export declare class Client {
  /** `home` is the daemon's directory; without it `RPM_HOME` counts, as it is at each call, else `~/.rpm`. */
  constructor(options?: { home?: string })

  /** Starts the daemon unless it runs. Calls do that by themselves; this one shows early whether it works. */
  connect(): Promise<DaemonInfo>
  connect(callback: Callback<DaemonInfo>): void

  /** Ends what iterates. The daemon and its apps go on. */
  disconnect(): Promise<void>
  disconnect(callback: Callback<void>): void

  /** Stops all apps and ends the daemon; `false` when none ran. */
  kill(options?: EndOptions): Promise<boolean>
  kill(callback: Callback<Pm2Success>): void
  kill(options: EndOptions, callback: Callback<Pm2Success>): void

  [Symbol.asyncDispose](): Promise<void>
}

export interface Client extends Manager {}

/** A supervisor in this program: no daemon, and its apps end with it. */
export declare class Supervisor {
  /** `home` is where logs and pid files go; without it a temporary directory. */
  constructor(options?: { home?: string })

  /** Stops all apps. Resolves when nothing of them lives. */
  close(): Promise<void>
  close(callback: Callback<void>): void

  [Symbol.asyncDispose](): Promise<void>
}

export interface Supervisor extends Manager {}

/** PM2's class: a home, a working directory, and a daemon or none. The module itself is one. */
export declare class custom {
  constructor(options?: CustomOptions)

  /** Where relative paths start. */
  cwd: string
  readonly pm2_home: string
  /** Whether a daemon is launched when none runs. */
  daemon_mode: boolean
  readonly Client: { readonly daemon_mode: boolean; readonly pm2_home: string }

  /** Launches the daemon unless it runs; with `noDaemon`, and where none runs, the supervisor is in this program. */
  connect(noDaemon?: boolean): Promise<DaemonInfo>
  connect(callback: Callback<DaemonInfo & Pm2Connection>): void
  connect(noDaemon: boolean, callback: Callback<DaemonInfo & Pm2Connection>): void

  /** Ends what iterates and listens. The daemon and its apps go on. */
  disconnect(): Promise<void>
  disconnect(callback: Callback<void>): void
  close(): Promise<void>
  close(callback: Callback<void>): void

  /** Stops all apps and ends the daemon; `false` when none ran. */
  kill(options?: EndOptions): Promise<boolean>
  kill(callback: Callback<Pm2Success>): void
  kill(options: EndOptions, callback: Callback<Pm2Success>): void
  killDaemon(options?: EndOptions): Promise<boolean>
  killDaemon(callback: Callback<Pm2Success>): void

  /** As `kill`, and removes the home; refused for `~/.rpm` and the like. */
  destroy(): Promise<boolean>
  destroy(callback: Callback<void>): void

  [Symbol.asyncDispose](): Promise<void>
}

export interface custom extends Manager {}

export declare const connect: custom['connect']
export declare const disconnect: custom['disconnect']
export declare const start: Manager['start']
export declare const stop: Manager['stop']
export declare const restart: Manager['restart']
export declare const reload: Manager['reload']
export declare const reset: Manager['reset']
export declare const scale: Manager['scale']
export declare const list: Manager['list']
export declare const describe: Manager['describe']
export declare const sendSignal: Manager['sendSignal']
export declare const logs: Manager['logs']
export declare const events: Manager['events']
export declare const flush: Manager['flush']
export declare const ping: Manager['ping']
export declare const kill: custom['kill']
export declare const close: custom['close']
export declare const killDaemon: custom['killDaemon']
export declare const destroy: custom['destroy']
export declare const update: Manager['update']
export declare const getVersion: Manager['getVersion']
export declare const getProcessIdByName: Manager['getProcessIdByName']
export declare const getPID: Manager['getPID']
export declare const env: Manager['env']
export declare const inspect: Manager['inspect']
export declare const launchBus: Manager['launchBus']
export declare const trigger: Manager['trigger']
export declare const sendDataToProcessId: Manager['sendDataToProcessId']
export declare const sendSignalToProcessName: Manager['sendSignalToProcessName']
export declare const sendSignalToProcessId: Manager['sendSignalToProcessId']
export declare const msgProcess: Manager['msgProcess']
export declare const sendLineToStdin: Manager['sendLineToStdin']
export declare const attach: Manager['attach']
export declare const dump: Manager['dump']
export declare const clearDump: Manager['clearDump']
export declare const resurrect: Manager['resurrect']
export declare const autodump: Manager['autodump']
export declare const reloadLogs: Manager['reloadLogs']
export declare const serve: Manager['serve']
export declare const startup: Manager['startup']
export declare const uninstallStartup: Manager['uninstallStartup']
export declare const logrotate: Manager['logrotate']
export declare const get: Manager['get']
export declare const set: Manager['set']
export declare const unset: Manager['unset']
export declare const multiset: Manager['multiset']
export declare const conf: Manager['conf']

// No variable can be called so, but an export can.
declare const remove: Manager['delete']

export { remove as delete }
