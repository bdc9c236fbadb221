// The daemon of a home, started by the first call when it does not run.

const artefacts = require('./artefacts.js')
const { answer, split } = require('./callback.js')
const { Manager } = require('./manager.js')
const { native } = require('./native.js')
const { OpenStreams } = require('./streams.js')

class Client extends Manager {
  #native
  #streams

  /** `home` is the daemon's directory; without it RPM_HOME counts, as it is at each call. */
  constructor({ home } = {}) {
    const streams = new OpenStreams()
    // A native manager holds no connection, so there is nothing to gain by keeping one.
    const connect = () =>
      native().NativeManager.connect(home ?? (process.env.RPM_HOME || undefined), artefacts.program())
    super(connect, streams)
    this.#native = connect
    this.#streams = streams
  }

  /** Starts the daemon unless it runs. Calls do that by themselves; this one shows early whether it works. */
  connect(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => this.#native().ping())
  }

  /** Ends what iterates. The daemon and its apps go on. */
  disconnect(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => this.#streams.close())
  }

  /** Stops all apps, or kills them with `force`, and ends the daemon; `false` when none ran. */
  kill(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => this.#native().kill(given[0]?.force === true))
  }
}

if (Symbol.asyncDispose) {
  Client.prototype[Symbol.asyncDispose] = function dispose() {
    return this.disconnect()
  }
}

module.exports = { Client }
