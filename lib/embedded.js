// A supervisor in this program, begun when it is first needed.

const artefacts = require('./artefacts.js')
const { failure } = require('./errors.js')
const { native } = require('./native.js')
const temporary = require('./temporary.js')

/** Without it apps end with this program all the same; what they have detached does not, should it be killed. */
function guardian() {
  try {
    return artefacts.guardian()
  } catch {
    return undefined
  }
}

class Embedded {
  #native
  #closing
  #home

  /** `home` is where logs and pid files go; without it a temporary directory. */
  constructor(home) {
    this.#home = home
  }

  get home() {
    this.#home ??= temporary.create()
    return this.#home
  }

  /** The native manager; it cannot be had again after the end. */
  running() {
    if (this.#closing) {
      throw failure('CLOSING', 'this supervisor was closed', 'Make another one: `new Supervisor()`.')
    }
    this.#native ??= native().NativeManager.embedded(this.home, guardian())
    return this.#native
  }

  /** Ends all apps, at once with `force`; all calls wait for the same end. */
  close(force = false) {
    this.#closing ??= this.#end(force)
    return this.#closing
  }

  async #end(force) {
    await this.#native?.kill(force)
    temporary.remove(this.#home)
  }
}

module.exports = { Embedded }
