// PM2's way of calling: the last argument is `(error, result)`.

const { traced } = require('./errors.js')

/** The arguments, apart from a callback at their end. */
exports.split = (args) => {
  const last = args.at(-1)
  return typeof last === 'function' ? { given: args.slice(0, -1), callback: last } : { given: args }
}

/** Runs `work` and gives a promise of its result, or the outcome to a callback when there is one. */
exports.answer = (callback, work) => {
  const promise = traced(work)
  return callback ? deliver(promise, callback) : promise
}

/** What the callback throws is an uncaught exception, as in any callback. */
function deliver(promise, callback) {
  promise.then(
    (result) => process.nextTick(callback, null, result),
    (error) => process.nextTick(callback, error),
  )
}
