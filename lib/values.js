// What callers write, checked and brought into the form that native calls take.

const { constants } = require('node:os')
const { inspect } = require('node:util')
const { failure } = require('./errors.js')

const shown = (value) => inspect(value, { depth: 0 })

/** A value without what has no meaning outside JavaScript: functions, `undefined`, getters. */
exports.plain = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)))

exports.isObject = (value) => typeof value === 'object' && value !== null

/** Options of a start, without the one that says what is done anyway: its environment is the caller's. */
exports.startOptions = (options) => {
  if (!exports.isObject(options)) return options
  const { updateEnv: _, update_env: __, ...fields } = options
  return fields
}

/** The processes of a native answer; what the caller should know besides is told. */
exports.acted = ({ processes, warnings }) => {
  for (const warning of warnings) process.emitWarning(warning, 'RpmWarning')
  return processes
}

/** A name or an id, as text. */
exports.selector = (target) => {
  if (typeof target === 'string' && target !== '') return target
  if (Number.isInteger(target) && target >= 0) return String(target)
  throw failure('INVALID', `${shown(target)} names no process`, "Give a name, an id, a namespace, 'all' or '/regex/'.")
}

exports.signalNumber = (signal) => {
  const number = typeof signal === 'number' ? signal : constants.signals[`SIG${String(signal).replace(/^SIG/, '')}`]
  if (Number.isInteger(number) && number > 0) return number
  throw failure('INVALID', `${shown(signal)} is no signal`, "Give a name such as 'SIGUSR2', or a number.")
}

/** How many processes: a number, or a text with a sign for that many more or fewer. */
exports.size = (count) => {
  const number = typeof count === 'string' && count.trim() !== '' ? Number(count) : count
  if (Number.isInteger(number)) return { number, relative: typeof count === 'string' && /^\s*[+-]/.test(count) }
  throw failure('INVALID', `${shown(count)} is no number of processes`, "Give a number, or '+2' to add two.")
}
