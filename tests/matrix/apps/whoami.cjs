// What every app here answers: who it is, after `ms` milliseconds; when that is below zero, its event loop stands still
// for as long. Nothing in an app knows that it is managed.
const { setTimeout: sleep } = require('node:timers/promises')

const me = { pid: process.pid, version: process.versions.bun ? `bun ${process.versions.bun}` : process.version }

exports.whoami = async (ms) => {
  if (Number(ms) > 0) await sleep(Number(ms))
  const end = performance.now() - Number(ms)
  while (performance.now() < end);
  return me
}

/** For servers that route nothing themselves: the `ms` of `/?ms=5`. */
exports.msOf = (url) => new URL(url, 'http://localhost').searchParams.get('ms')
