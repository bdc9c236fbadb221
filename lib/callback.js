// PM2's way of calling: the last argument is `(error, result)`.

const { traced } = require('./errors.js')
const { asPm2 } = require('./pm2/errors.js')

/** The arguments, apart from a callback at their end. Where PM2 takes one it also takes none: `undefined`, `null`. */
exports.split = (args) => {
  const last = args.at(-1)
  return typeof last === 'function' ? { given: args.slice(0, -1), callback: last } : { given: args }
}

/**
 * Runs `work` and gives a promise of its result, or the outcome to a callback when there is one; to that errors are
 * told in PM2's words, of which `texts` are those of this call.
 */
exports.answer = (callback, work, texts) => {
  const promise = traced(work)
  return callback ? deliver(promise, callback, texts) : promise
}

/** What the callback throws is an uncaught exception, as in any callback. */
function deliver(promise, callback, texts) {
  promise.then(
    (result) => process.nextTick(callback, null, ...(Array.isArray(result?.[MANY]) ? result[MANY] : [result])),
    (error) => process.nextTick(callback, asPm2(error, texts)),
  )
}

const MANY = Symbol('results')

/** The result of a callback that takes several. */
exports.several = (...results) => ({ [MANY]: results })
