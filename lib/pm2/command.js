// The native program as a command line, for what it does better than a daemon could: it speaks to the same home.

const { execFile } = require('node:child_process')
const artefacts = require('../artefacts.js')
const { failure } = require('../errors.js')

/** Runs `rpm` and gives what it printed; its last words are the error where it fails. */
exports.run = (at, args) => {
  const options = { cwd: at.cwd(), env: { ...process.env, RPM_HOME: at.home(), NO_COLOR: '1' }, maxBuffer: 1 << 24 }
  return new Promise((resolve, reject) => {
    execFile(artefacts.program(), args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const said = stderr.trim() || stdout.trim() || error.message
      reject(failure('COMMAND_FAILED', said, `It was: rpm ${args.join(' ')}`))
    })
  })
}
