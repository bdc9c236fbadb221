// What can be asked of a supervisor, wherever it runs. `Client`, `Supervisor` and `custom` say where.
//
// Each method gives a promise of our objects, or takes a callback and gives it PM2's. What only PM2 has stands in pm2/,
// as functions whose first argument is how to reach the supervisor.

const { existsSync } = require('node:fs')
const path = require('node:path')
const { answer, split } = require('./callback.js')
const absent = require('./pm2/absent.js')
const bus = require('./pm2/bus.js')
const errors = require('./pm2/errors.js')
const messages = require('./pm2/messages.js')
const program = require('./pm2/program.js')
const questions = require('./pm2/questions.js')
const saved = require('./pm2/saved.js')
const settings = require('./pm2/settings.js')
const shapes = require('./pm2/shapes.js')
const { EventStream, LogStream, OpenStreams } = require('./streams.js')
const { acted, isObject, plain, selector, signalNumber, size, startOptions } = require('./values.js')

/** Lines that `logs` begins with, as `rpm logs` does. */
const LINES = 15

const flat = ({ process, ...details }) => ({ ...process, ...details })

/** PM2's `describe` of a name that nothing has is an empty list. */
const foundOrEmpty = (finding) =>
  finding.catch((error) => {
    if (error.code === 'NOT_FOUND') return []
    throw error
  })

/** A word that names a process, a namespace or an id, unless nothing is called so. What is a file is a file. */
const mayBeKnown = (target, cwd) =>
  Number.isInteger(target) ||
  (typeof target === 'string' &&
    /^[^/ ]+$/.test(target) &&
    (path.extname(target) === '' || !existsSync(path.resolve(cwd ?? '.', target))))

class Manager {
  #at
  #streams = new OpenStreams()

  /**
   * `manager` gives a promise of the native manager of the moment, `home` where it keeps its files, `cwd` where relative
   * paths start, if not in the working directory, and `inside` whether it is in this program.
   */
  constructor({ manager, home, cwd = () => undefined, inside = () => false }) {
    this.#at = {
      streams: this.#streams,
      home,
      cwd,
      inside,
      now: manager,
      // A listener that has been asked for hears what the next call does.
      manager: async () => {
        await this.#streams.opened()
        return manager()
      },
      ask: async (request) => (await this.#at.manager()).request(request),
      elements: async () => (await this.#at.manager()).pm2List(),
    }
  }

  /** Starts a script, an application file, an app object or a list of them; restarts what is known by a name or id. */
  start(target, ...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      // PM2 has nothing to say against a list of none.
      if (callback && (Array.isArray(target) ? target : target?.apps)?.length === 0) return []
      const native = await this.#at.manager()
      const processes = await this.#started(native, target, startOptions(plain(given[0])))
      return callback ? shapes.started(processes, await native.pm2List()) : processes
    })
  }

  async #started(native, target, options) {
    const cwd = this.#at.cwd()
    const known = options?.force !== true && mayBeKnown(target, cwd) && (await native.list(selector(target))).length > 0
    return acted(
      known
        ? await native.act('restart', selector(target), null, process.env, cwd)
        : await native.start(plain(target), options, process.env, cwd),
    )
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

  #act(action, target, rest) {
    const { given, callback } = split(rest)
    const work = async () => {
      const native = await this.#at.manager()
      const meant = isObject(target) ? plain(target) : selector(target)
      const act = async () => acted(await native.act(action, meant, plain(given[0]), process.env, this.#at.cwd()))
      if (!callback) return act()
      // What is deleted is not in the list afterwards.
      const before = action === 'delete' ? await native.pm2List() : undefined
      const processes = await act()
      return shapes.acted(processes, before ?? (await native.pm2List()), action === 'delete')
    }
    return answer(callback, work, errors.ofTarget(target))
  }

  /** Sets the restart counters to 0. */
  reset(target, ...rest) {
    const { callback } = split(rest)
    const work = async () => {
      const native = await this.#at.manager()
      const processes = acted(await native.act('reset', selector(target), null, process.env))
      return callback ? { success: true } : processes
    }
    return answer(callback, work, errors.ofName)
  }

  scale(name, count, ...rest) {
    const { callback } = split(rest)
    const work = async () => {
      const native = await this.#at.manager()
      const { number, relative } = size(count)
      const processes = await native.scale(selector(name), number, relative)
      return callback ? { success: true } : processes
    }
    return answer(callback, work, errors.ofScale)
  }

  list(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => (callback ? this.#at.elements() : (await this.#at.manager()).list('all')))
  }

  describe(target, ...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const native = await this.#at.manager()
      if (callback) return shapes.elementsOf(await native.list(selector(target)), await native.pm2List())
      return (await foundOrEmpty(native.describe(selector(target)))).map(flat)
    })
  }

  sendSignal(signal, target, ...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const native = await this.#at.manager()
      const processes = await native.signal(selector(target), signalNumber(signal))
      return callback ? shapes.acted(processes, await native.pm2List()) : processes
    })
  }

  /** Empties the log files of a target, or all of them. */
  flush(...rest) {
    const { given, callback } = split(rest)
    return answer(callback, async () => {
      const native = await this.#at.manager()
      await native.flush(given[0] === undefined ? undefined : selector(given[0]))
      return callback ? native.pm2List() : undefined
    })
  }

  /** Who answers. */
  ping(...rest) {
    const { callback } = split(rest)
    return answer(callback, async () => {
      const info = await (await this.#at.manager()).ping()
      return callback ? { msg: 'pong' } : info
    })
  }

  /** Lines of apps: the last ones of their files, then what they write. */
  logs(target = 'all', { lines = LINES, follow = true, stream } = {}) {
    const options = () => ({ target: selector(target), lines, follow, stream })
    return this.#streams.add(LogStream, async () => (await this.#at.manager()).logs(options()))
  }

  /** What happens to processes from now on. */
  events() {
    return this.#streams.add(EventStream, async () => (await this.#at.manager()).events())
  }

  /** Ends what iterates and listens. */
  closeStreams() {
    this.#streams.close()
  }

  static {
    for (const calls of [absent, bus, messages, program, questions, saved, settings]) {
      for (const [name, call] of Object.entries(calls)) {
        const method = {
          [name](...args) {
            return call(this.#at, ...args)
          },
        }
        Object.defineProperty(Manager.prototype, name, { value: method[name], writable: true, configurable: true })
      }
    }
  }
}

module.exports = { Manager }
