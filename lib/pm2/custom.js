// PM2's class: a home, a working directory, and a daemon or none.

const { rmSync } = require('node:fs')
const path = require('node:path')
const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')
const { Manager } = require('../manager.js')
const temporary = require('../temporary.js')
const { Reach } = require('./reach.js')

/** Homes that no program may remove: the usual ones. */
const USUAL = /(^|\/)\.(rpm|pm2)(\/|$)/

class Pm2 extends Manager {
  #reach
  #cwd
  #pm2Client

  constructor({ cwd, pm2_home, independent = false, daemon_mode } = {}) {
    if (pm2_home && independent) {
      throw failure('INVALID', 'pm2_home and independent exclude each other', 'Give one of them.')
    }
    const home = independent ? temporary.create() : pm2_home && path.resolve(pm2_home)
    const reach = new Reach({ home, daemon: daemon_mode ?? !independent })
    super({
      manager: () => reach.manager(),
      home: () => reach.home(),
      cwd: () => this.#cwd,
      inside: () => reach.inside,
    })
    this.#reach = reach
    this.#cwd = cwd && path.resolve(cwd)
    this.#pm2Client = clientOf(this)
  }

  /** Where relative paths start. */
  get cwd() {
    return this.#cwd ?? process.cwd()
  }

  set cwd(cwd) {
    this.#cwd = path.resolve(cwd)
  }

  get pm2_home() {
    return this.#reach.home()
  }

  /** Whether a daemon is launched when none runs. */
  get daemon_mode() {
    return this.#reach.daemon
  }

  set daemon_mode(daemon) {
    this.#reach.daemon = Boolean(daemon)
  }

  get Client() {
    return this.#pm2Client
  }

  /** Launches the daemon unless it runs; with `noDaemon` the supervisor is in this program. */
  connect(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      if (given[0] === true) this.#reach.daemon = false
      const native = await this.#reach.manager()
      const launched = await native.launch()
      const info = await native.ping()
      return callback ? connected(info, launched || info.pid === process.pid) : info
    })
  }

  /** Ends what iterates and listens. The daemon and its apps go on. */
  disconnect(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => this.closeStreams())
  }

  close(...rest) {
    return this.disconnect(...rest)
  }

  /** Stops all apps, or kills them with `force`, and ends the daemon; `false` when none ran. */
  kill(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      const ran = await this.#reach.end(given[0]?.force === true)
      this.closeStreams()
      return callback ? { success: true } : ran
    })
  }

  killDaemon(...rest) {
    return this.kill(...rest)
  }

  /** As `kill`, and removes the home, unless it is one that people use. */
  destroy(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const home = this.#reach.home()
      if (USUAL.test(home)) {
        throw failure('INVALID', `${home} is not removed: it is a home that people use`, `To remove it: rm -r ${home}`)
      }
      await this.#reach.end(false)
      this.closeStreams()
      temporary.remove(home)
      rmSync(home, { recursive: true, force: true, maxRetries: 3 })
      return callback ? undefined : true
    })
  }
}

/** What programs look at in PM2's `Client`. */
const clientOf = (pm2) => ({
  get daemon_mode() {
    return pm2.daemon_mode
  },
  get pm2_home() {
    return pm2.pm2_home
  },
})

const connected = (info, launched) => ({
  ...info,
  new_pm2_instance: launched,
  rpc_socket_file: path.join(info.home, 'rpm.sock'),
  pub_socket_file: path.join(info.home, 'rpm.sock'),
  pm2_home: info.home,
})

if (Symbol.asyncDispose) {
  Pm2.prototype[Symbol.asyncDispose] = function dispose() {
    return this.disconnect()
  }
}

module.exports = { Pm2 }
