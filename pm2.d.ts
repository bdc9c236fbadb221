// PM2's calls and shapes, beside the API of index.d.ts. A callback gets what PM2 gives, a promise ours.

import type { EventEmitter } from 'node:events'
import type { Callback, Environment, ProcessInfo, ProcessStatus, Target } from './index'

/** What PM2 shows of a process: an element of `jlist`. */
export interface Pm2Process {
  name: string
  pid: number
  pm_id: number
  monit: { memory: number; cpu: number }
  pm2_env: Pm2Environment
}

export interface Pm2Environment {
  name: string
  namespace: string
  pm_id: number
  status: ProcessStatus
  restart_time: number
  env: Record<string, string>
  [field: string]: unknown
}

/** What PM2 gives after `stop`, `restart` and the like. */
export interface Pm2Acted {
  name: string
  namespace: string
  pm_id: number
  status: ProcessStatus
  restart_time: number
  pm2_env: Omit<Pm2Acted, 'pm2_env'> & { env: Record<string, string> }
}

/** What PM2 gives after `start`: both of the above. */
export interface Pm2Started extends Pm2Process {
  namespace: string
  status: ProcessStatus
  restart_time: number
  process: { pid: number }
}

export interface Pm2Success {
  success: true
}

/** What is set under a key: a text, or a group of them. */
export type Setting = string | { [key: string]: Setting }

/** Of whom a packet of the bus tells. */
export interface PacketOrigin {
  pm_id: number
  name: string
  namespace: string
}

/** What was said under a topic: `data` of a message that has a type, `raw` of any other. */
export interface Packet {
  at: number
  process: PacketOrigin
  data?: unknown
  raw?: unknown
}

/** Under `log:out` and `log:err`: a line, with its line break. */
export interface LogPacket extends Packet {
  data: string
}

/** Under `process:event`: what has happened to a process, with its `pm2_env`. */
export interface EventPacket {
  event: 'start' | 'online' | 'exit' | 'stop' | 'restart' | 'reload' | 'delete' | 'restart overlimit'
  manually: boolean
  process: Omit<Pm2Environment, 'env'>
  at: number
}

/** Under `pm2:kill`: the daemon ends. */
export interface KillPacket {
  status: 'killed'
  msg: string
}

/** What an app has answered to an action; `data.return` is its own. */
export interface TriggerReply {
  at: number
  process: PacketOrigin
  data: { action_name?: string; return?: unknown; at?: number /** Why there is no answer. */; missing?: string }
}

/** The connection of a bus. */
export interface BusSocket extends EventEmitter {
  readonly connected: boolean
  close(): void
}

/** What apps say and what happens to them. Topics are exact, or have `*` for any text. */
export interface Bus {
  on(topic: 'process:event', listener: (packet: EventPacket) => void): this
  on(topic: 'log:out' | 'log:err', listener: (packet: LogPacket) => void): this
  on(topic: 'pm2:kill', listener: (packet: KillPacket) => void): this
  /** The texts that each `*` stands for come first. */
  // biome-ignore lint/suspicious/noExplicitAny: what apps say is theirs
  on(topic: `${string}*${string}`, listener: (wild: string, packet: any) => void): this
  // biome-ignore lint/suspicious/noExplicitAny: what apps say is theirs
  on(topic: string, listener: (...packets: any[]) => void): this
  // biome-ignore lint/suspicious/noExplicitAny: what apps say is theirs
  once(topic: string, listener: (...packets: any[]) => void): this
  /** Removes a listener of a topic, or all of them. */
  // biome-ignore lint/suspicious/noExplicitAny: what apps say is theirs
  off(topic?: string, listener?: (...packets: any[]) => void): this
  /** Ends it; until then it keeps the program alive. */
  close(): void
  readonly sock: BusSocket
  /** Packets that are missing because this program was too slow. */
  readonly dropped: number
}

/** Data for a process. */
export interface DataPacket {
  topic: string
  data: unknown
  type?: string
  [field: string]: unknown
}

/** What `dump` has written. */
export interface SaveReport {
  file: string
  apps: number
  processes: number
  written: boolean
}

/** How a boot script is written: PM2's names. */
export interface StartupOptions {
  user?: string
  hp?: string
  serviceName?: string
  waitIp?: boolean
  dryRun?: boolean
}

export interface ServeOptions {
  port?: number
  name?: string
  /** Unknown paths are those of the page `index.html`. */
  spa?: boolean
  /** Folders are listed. */
  ftp?: boolean
  basicAuthUsername?: string
  basicAuthPassword?: string
}

/** An id may be written as text. */
type Id = number | string

/** PM2's calls, of a supervisor wherever it runs. */
export interface Pm2Calls {
  /** Gives `(error, bus, socket)`. */
  launchBus(): Promise<Bus>
  launchBus(callback: (error: Error | null, bus: Bus, socket: BusSocket) => void): void

  /** Sends a packet over the IPC channel of a process: `process.on('message')` there. */
  sendDataToProcessId(id: Id, packet: DataPacket): Promise<Pm2Success & { data: DataPacket & { id: Id } }>
  sendDataToProcessId(packet: DataPacket & { id: Id }): Promise<Pm2Success & { data: DataPacket & { id: Id } }>
  sendDataToProcessId(id: Id, packet: DataPacket, callback: Callback<Pm2Success & { data: DataPacket }>): void
  sendDataToProcessId(packet: DataPacket & { id: Id }, callback: Callback<Pm2Success & { data: DataPacket }>): void

  /** Sends an object to a process by its `id`, or to all of a `name`. */
  msgProcess(message: { id?: Id; name?: string; [field: string]: unknown }): Promise<Pm2Success>
  msgProcess(message: { id?: Id; name?: string; [field: string]: unknown }, callback: Callback<Pm2Success>): void

  sendSignalToProcessName(signal: NodeJS.Signals | number, name: Target): Promise<ProcessInfo[]>
  sendSignalToProcessName(
    signal: NodeJS.Signals | number,
    name: Target,
    callback: Callback<Omit<Pm2Process, 'monit'>[]>,
  ): void
  sendSignalToProcessId(signal: NodeJS.Signals | number, id: Id): Promise<ProcessInfo[]>
  sendSignalToProcessId(signal: NodeJS.Signals | number, id: Id, callback: Callback<Omit<Pm2Process, 'monit'>[]>): void

  /** Writes a line, with a line break or `separator`, to the standard input of a process. */
  sendLineToStdin(id: Id, line: string, separator?: string): Promise<{ pm_id: number; line: string }>
  sendLineToStdin(id: Id, line: string, callback: Callback<{ pm_id: number; line: string }>): void
  sendLineToStdin(id: Id, line: string, separator: string, callback: Callback<{ pm_id: number; line: string }>): void

  /** This program's standard input goes to the process, its output to ours, until our input ends. */
  attach(id: Id, separator?: string): Promise<void>
  attach(id: Id, callback: Callback<void>): void
  attach(id: Id, separator: string, callback: Callback<void>): void

  /** Has processes do what they have announced, as with `@pm2/io`, and gives what each has answered. */
  trigger(target: Target, action: string, param?: unknown): Promise<TriggerReply[]>
  trigger(target: Target, action: string, callback: Callback<TriggerReply[]>): void
  trigger(target: Target, action: string, param: unknown, callback: Callback<TriggerReply[]>): void

  /** Has an app open or close its inspector, which it has to know how to do. */
  inspect(name: Target): Promise<TriggerReply[]>
  inspect(name: Target, callback: Callback<TriggerReply[]>): void

  getProcessIdByName(name: string): Promise<number[]>
  getProcessIdByName(name: string, callback: Callback<number[]>): void

  /** The pids of a name, or of all; 0 for a process that doesn't run. */
  getPID(name?: string): Promise<number[]>
  getPID(callback: Callback<number[]>): void
  getPID(name: string, callback: Callback<number[]>): void

  getVersion(): Promise<string>
  getVersion(callback: Callback<string>): void

  /** The variables of a process; what looks like a secret is redacted. */
  env(id: Id): Promise<Environment>
  env(id: Id, callback: Callback<Environment>): void

  /** Saves the list; an empty one only with `force`. */
  dump(force?: boolean): Promise<SaveReport>
  dump(callback: Callback<Pm2Success>): void
  dump(force: boolean, callback: Callback<Pm2Success>): void

  clearDump(): Promise<void>
  clearDump(callback: Callback<void>): void

  /** Starts what was saved, but the names that are on the list; gives what was added. */
  resurrect(): Promise<ProcessInfo[]>
  resurrect(callback: Callback<Pm2Started[]>): void

  /** Does nothing: the list is kept at each change. */
  autodump(): Promise<void>
  autodump(callback: Callback<void>): void

  /** Opens all log files anew. */
  reloadLogs(): Promise<void>
  reloadLogs(callback: Callback<Record<string, never>>): void

  /** Settings: `app:key` or `app.key`, also as a variable of the app, which is reloaded. */
  set(key: string, value: string | number | boolean): Promise<void>
  set(key: string, value: string | number | boolean, callback: Callback<Pm2Success>): void
  get(key?: string): Promise<Setting>
  get(callback: Callback<Pm2Success & { value: Setting }>): void
  get(key: string, callback: Callback<Pm2Success & { value: Setting }>): void
  unset(key: string): Promise<boolean>
  unset(key: string, callback: Callback<Pm2Success>): void
  /** `'app:a 1 app:b "two words"'` */
  multiset(pairs: string): Promise<void>
  multiset(pairs: string, callback: Callback<Pm2Success>): void
  conf(key?: string): Promise<Setting>
  conf(key: string, value: string): Promise<void>
  conf(callback: Callback<Pm2Success & { value: Setting }>): void
  conf(key: string, callback: Callback<Pm2Success & { value: Setting | null }>): void
  conf(key: string, value: string, callback: Callback<Pm2Success>): void

  /** Serves a folder, as an app of its own. */
  serve(path?: string, port?: number, options?: ServeOptions): Promise<ProcessInfo[]>
  serve(path: string, port: number, callback: Callback<Pm2Started[]>): void
  serve(path: string, port: number, options: ServeOptions, callback: Callback<Pm2Started[]>): void
  serve(path: string, port: number, options: ServeOptions, more: object, callback: Callback<Pm2Started[]>): void

  /** Has the program of this package be the daemon; no app notices. */
  update(): Promise<Pm2Success>
  update(callback: Callback<Pm2Success>): void

  /** Writes and enables the boot script, as root. */
  startup(platform?: string, options?: StartupOptions): Promise<Pm2Success & { output: string }>
  startup(platform: string, callback: Callback<Pm2Success & { output: string }>): void
  startup(platform: string, options: StartupOptions, callback: Callback<Pm2Success & { output: string }>): void
  uninstallStartup(platform?: string, options?: StartupOptions): Promise<Pm2Success & { output: string }>
  uninstallStartup(platform: string, callback: Callback<Pm2Success & { output: string }>): void
  uninstallStartup(platform: string, options: StartupOptions, callback: Callback<Pm2Success & { output: string }>): void
  logrotate(): Promise<Pm2Success & { output: string }>
  logrotate(callback: Callback<Pm2Success & { output: string }>): void
}

/** What `connect` gives to a callback beside who answers. */
export interface Pm2Connection {
  /** Whether it had to be launched. */
  new_pm2_instance: boolean
  rpc_socket_file: string
  pub_socket_file: string
  pm2_home: string
}

export interface CustomOptions {
  /** Where relative paths start. Default: the working directory. */
  cwd?: string
  /** The home: our own, not one of PM2. Default: `RPM_HOME`, else `~/.rpm`. */
  pm2_home?: string
  /** A home of its own under the temporary directory; excludes `pm2_home`. */
  independent?: boolean
  /** Whether a daemon is launched when none runs. Default: true, with `independent` false. */
  daemon_mode?: boolean
  /** Taken, and of no meaning here. */
  public_key?: string
  secret_key?: string
  machine_name?: string
}
