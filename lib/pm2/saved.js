// The list on disk, and the log files.

const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')
const { acted } = require('../values.js')
const shapes = require('./shapes.js')

/** Saves the list; an empty one only with `force`. */
exports.dump = (at, ...rest) => {
  const { given, callback } = split(rest)
  const force = given[0] === true || given[0]?.force === true
  return answer(callback, async () => {
    const report = await at.ask({ do: 'save', force })
    if (report.written) return callback ? { success: true } : report
    throw failure('EMPTY_LIST', 'Process list empty, cannot save empty list', 'To save it all the same: `dump(true)`.')
  })
}

/** Saves an empty list. */
exports.clearDump = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    await at.ask({ do: 'clear_saved' })
  })
}

/** Starts what was saved, but the names that are on the list. */
exports.resurrect = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    const native = await at.manager()
    const processes = acted(await native.resurrect(process.env))
    return callback ? shapes.started(processes, await native.pm2List()) : processes
  })
}

/** The list is kept at each change anyway: there is nothing to switch on. */
exports.autodump = (_at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => undefined)
}

/** Opens all log files anew, after something else has moved them. */
exports.reloadLogs = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    await at.ask({ do: 'reopen_logs' })
    return callback ? {} : undefined
  })
}
