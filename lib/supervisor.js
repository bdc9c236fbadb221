// A supervisor in this program: no daemon, and its apps end with it. For tests and tools.

const artefacts = require('./artefacts.js')
const { answer, split } = require('./callback.js')
const { failure } = require('./errors.js')
const { Manager } = require('./manager.js')
const { native } = require('./native.js')
const { OpenStreams } = require('./streams.js')
const temporary = require('./temporary.js')

/** Without it apps end with this program all the same; what they have detached does not, should it be killed. */
function guardian() {
  try {
    return artefacts.guardian()
  } catch {
    return undefined
  }
}

class Supervisor extends Manager {
  #native
  #streams
  #closing
  #home

  /** `home` is where logs and pid files go; without it a temporary directory. */
  constructor({ home } = {}) {
    const streams = new OpenStreams()
    super(() => this.#running(), streams)
    this.#home = home
    this.#streams = streams
  }

  #running() {
    if (this.#closing) {
      throw failure('CLOSING', 'this supervisor was closed', 'Make another one: `new Supervisor()`.')
    }
    if (!this.#native) {
      this.#home ??= temporary.create()
      this.#native = native().NativeManager.embedded(this.#home, guardian())
    }
    return this.#native
  }

  /** Stops all apps. Resolves when nothing of them lives. */
  close(...rest) {
    const { callback } = split(rest)
    this.#closing ??= this.#end()
    return answer(callback, async () => this.#closing)
  }

  async #end() {
    this.#streams.close()
    await this.#native?.kill(false)
    temporary.remove(this.#home)
  }
}

if (Symbol.asyncDispose) {
  Supervisor.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close()
  }
}

module.exports = { Supervisor }
