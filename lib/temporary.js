// Homes of supervisors that were given none: gone when they close, or with the program that didn't close them.

const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')

const homes = new Set()

exports.create = () => {
  // One listener for all of them.
  if (homes.size === 0) process.on('exit', removeAll)
  const home = mkdtempSync(path.join(tmpdir(), 'rpm-'))
  homes.add(home)
  return home
}

exports.remove = (home) => {
  if (!homes.delete(home)) return
  if (homes.size === 0) process.off('exit', removeAll)
  try {
    rmSync(home, { recursive: true, force: true, maxRetries: 3 })
  } catch {
    // An app that is about to end may still have written a line. A folder in the temporary directory is no error.
  }
}

function removeAll() {
  for (const home of homes) exports.remove(home)
}
