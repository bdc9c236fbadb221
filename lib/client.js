// The daemon of a home, started by the first call when it does not run.

const { answer, split } = require('./callback.js')
const { daemonOf } = require('./daemon.js')
const { Manager } = require('./manager.js')

class Client extends Manager {
  #daemon

  /** `home` is the daemon's directory; without it RPM_HOME counts, as it is at each call. */
  constructor({ home } = {}) {
    const daemon = daemonOf(home)
    super({ manager: async () => daemon(), home: () => daemon().home })
    this.#daemon = daemon
  }

  /** Starts the daemon unless it runs. Calls do that by themselves; this one shows early whether it works. */
  connect(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => this.#daemon().ping())
  }

  /** Ends what iterates and listens. The daemon and its apps go on. */
  disconnect(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => this.closeStreams())
  }

  /** Stops all apps, or kills them with `force`, and ends the daemon; `false` when none ran. */
  kill(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      const ran = await this.#daemon().kill(given[0]?.force === true)
      return callback ? { success: true } : ran
    })
  }
}

if (Symbol.asyncDispose) {
  Client.prototype[Symbol.asyncDispose] = function dispose() {
    return this.disconnect()
  }
}

module.exports = { Client }
