// The settings store. An app whose settings change is reloaded with them in its environment.

const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')

/** What PM2 gives, and the value, which it only prints. */
const told = (callback, value) => (callback ? { success: true, value } : value)

const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value))

async function read(at, key) {
  const value = await (await at.manager()).settings(key)
  if (value === null) throw failure('NOT_FOUND', `${key} is not set`, 'See all: `get()`.')
  return value
}

/** What a key has, a text or a group; without a key everything. */
exports.get = (at, ...rest) => {
  const { given, callback } = split(rest)
  const key = given[0] === undefined || given[0] === 'all' ? undefined : String(given[0])
  return answer(callback, async () => told(callback, await read(at, key)), { NOT_FOUND: `${key} is not set` })
}

exports.set = (at, key, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => {
    if (given[0] === undefined)
      throw failure('INVALID', `there is no value for ${key}`, 'As in: set("api:PORT", "80").')
    await (await at.manager()).set(String(key), text(given[0]))
    return callback ? { success: true } : undefined
  })
}

/** Keys and values by turns, in one text. */
exports.multiset = (at, pairs, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    await (await at.manager()).multiset(String(pairs))
    return callback ? { success: true } : undefined
  })
}

/** Takes a key out, or `all`; whether there was one. */
exports.unset = (at, key, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    const was = await (await at.manager()).unset(String(key))
    return callback ? { success: true } : was
  })
}

/** `get`, and with a value `set`. */
exports.conf = (at, ...rest) => {
  const { given, callback } = split(rest)
  const more = callback ? [callback] : []
  if (given[1] !== undefined) return exports.set(at, given[0], given[1], ...more)
  if (!callback) return exports.get(at, given[0])
  // PM2 shows what is there and finds nothing wrong with a key that isn't.
  const key = given[0] === undefined ? undefined : String(given[0])
  return answer(callback, async () => told(callback, await (await at.manager()).settings(key)))
}
