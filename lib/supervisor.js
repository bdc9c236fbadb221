// A supervisor in this program: no daemon, and its apps end with it. For tests and tools.

const { answer, split } = require('./callback.js')
const { Embedded } = require('./embedded.js')
const { Manager } = require('./manager.js')

class Supervisor extends Manager {
  #close

  /** `home` is where logs and pid files go; without it a temporary directory. */
  constructor({ home } = {}) {
    const embedded = new Embedded(home)
    super({ manager: async () => embedded.running(), home: () => embedded.home, inside: () => true })
    this.#close = async () => {
      this.closeStreams()
      await embedded.close()
    }
  }

  /** Stops all apps. Resolves when nothing of them lives. */
  close(...rest) {
    const { callback } = split(rest)
    return answer(callback, this.#close)
  }
}

if (Symbol.asyncDispose) {
  Supervisor.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close()
  }
}

module.exports = { Supervisor }
