// What can be asked of a supervisor, wherever it runs. `Client` and `Supervisor` say where.
//
// Each method gives a promise of our objects, or takes a callback and gives it PM2's.

const { answer, split } = require('./callback.js')
const pm2 = require('./pm2.js')
const { EventStream, LogStream } = require('./streams.js')
const { plain, selector, signalNumber, size } = require('./values.js')

/** Lines that `logs` begins with, as `rpm logs` does. */
const LINES = 15

const flat = ({ process, ...details }) => ({ ...process, ...details })

function acted({ processes, warnings }) {
  for (const warning of warnings) process.emitWarning(warning, 'RpmWarning')
  return processes
}

/** PM2's `describe` of a name that nothing has is an empty list. */
const foundOrEmpty = (finding) =>
  finding.catch((error) => {
    if (error.code === 'NOT_FOUND') return []
    throw error
  })

class Manager {
  #native
  #streams

  /** `native` gives the native manager of the moment, or throws. */
  constructor(native, streams) {
    this.#native = native
    this.#streams = streams
  }

  /** Starts a script, an application file, an app object or a list of them. */
  start(target, ...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      const native = this.#native()
      const processes = acted(await native.start(plain(target), plain(given[0]), process.env))
      return callback ? pm2.started(processes, await native.pm2List()) : processes
    })
  }

  stop(target, ...rest) {
    return this.#act('stop', target, rest)
  }

  restart(target, ...rest) {
    return this.#act('restart', target, rest)
  }

  /** Replaces what can overlap, the new one ready before the old one goes; restarts other processes. */
  reload(target, ...rest) {
    return this.#act('reload', target, rest)
  }

  delete(target, ...rest) {
    return this.#act('delete', target, rest)
  }

  /** Sets the restart counters to 0. */
  reset(target, ...rest) {
    return this.#act('reset', target, rest)
  }

  #act(action, target, rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      const native = this.#native()
      const meant = typeof target === 'object' && target !== null ? plain(target) : selector(target)
      const act = async () => acted(await native.act(action, meant, plain(given[0]), process.env))
      if (!callback) return act()
      // What is deleted is not in the list afterwards.
      const before = action === 'delete' ? await native.pm2List() : undefined
      const processes = await act()
      return pm2.acted(processes, before ?? (await native.pm2List()))
    })
  }

  scale(name, count, ...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const native = this.#native()
      const { number, relative } = size(count)
      const processes = await native.scale(selector(name), number, relative)
      return callback ? pm2.started(processes, await native.pm2List()) : processes
    })
  }

  list(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => (callback ? this.#native().pm2List() : this.#native().list('all')))
  }

  describe(target, ...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const native = this.#native()
      if (callback) return pm2.elementsOf(await native.list(selector(target)), await native.pm2List())
      return (await foundOrEmpty(native.describe(selector(target)))).map(flat)
    })
  }

  sendSignal(signal, target, ...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const native = this.#native()
      const processes = await native.signal(selector(target), signalNumber(signal))
      return callback ? pm2.acted(processes, await native.pm2List()) : processes
    })
  }

  /** Empties the log files of a target, or all of them. */
  flush(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      await this.#native().flush(given[0] === undefined ? undefined : selector(given[0]))
    })
  }

  /** Who answers. */
  ping(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const info = await this.#native().ping()
      return callback ? { msg: 'pong' } : info
    })
  }

  /** Lines of apps: the last ones of their files, then what they write. */
  logs(target = 'all', { lines = LINES, follow = true, stream } = {}) {
    const options = async () => ({ target: selector(target), lines, follow, stream })
    return this.#streams.add(LogStream, async () => this.#native().logs(await options()))
  }

  /** What happens to processes from now on. */
  events() {
    return this.#streams.add(EventStream, async () => this.#native().events())
  }
}

module.exports = { Manager }
