// Where a PM2 instance has its supervisor: in the daemon of its home, or in this program.

const { daemonOf } = require('../daemon.js')
const { Embedded } = require('../embedded.js')

const SIGNALS = ['SIGINT', 'SIGTERM']

class Reach {
  #home
  #inside
  #hold
  /** Whether a daemon is launched when none runs. */
  daemon

  constructor({ home, daemon }) {
    this.#home = home
    this.daemon = daemon
  }

  /** Whether the supervisor is in this program. */
  get inside() {
    return this.#inside !== undefined
  }

  home() {
    return this.#home ?? daemonOf()().home
  }

  /** Without a daemon of its own it takes one that runs, as PM2 does, before it begins a supervisor in this program. */
  async manager() {
    const daemon = daemonOf(this.#home)()
    if (this.daemon) return daemon
    if (!this.#inside && (await daemon.running())) return daemon
    this.#inside ??= this.#begin(daemon.home)
    return this.#inside.running()
  }

  #begin(home) {
    // It is the daemon: like one it stays until it is ended.
    this.#hold = setInterval(() => {}, 1 << 30)
    for (const signal of SIGNALS) process.on(signal, this.#leave)
    return new Embedded(home)
  }

  /** An orderly end, then what the signal does where nobody listens. */
  #leave = async (signal) => {
    const alone = process.listenerCount(signal) === 1
    await this.end(false)
    if (alone) process.kill(process.pid, signal)
  }

  /** Ends all apps, then who supervises them; `false` when nothing ran. */
  async end(force) {
    if (!this.#inside) return daemonOf(this.#home)().kill(force)
    const inside = this.#inside
    await inside.close()
    this.#inside = undefined
    clearInterval(this.#hold)
    for (const signal of SIGNALS) process.off(signal, this.#leave)
    return true
  }
}

module.exports = { Reach }
