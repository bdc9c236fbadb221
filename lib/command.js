'use strict'
// Runs the native program as if it had been called directly: same streams, signals and end.

const { spawn } = require('node:child_process')
const { program } = require('./artefacts.js')

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT']

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

/** A terminal sends these to its whole foreground group: the child has it already. */
function fromTerminal(signal) {
  return ['SIGINT', 'SIGQUIT', 'SIGWINCH'].includes(signal) && require('node:tty').isatty(0)
}

/** Ends by the signal that ended the child, so that whoever waits for us sees the same. */
function dieBy(signal) {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // Node ignores SIGPIPE. Then the shell's number for it has to do.
  setTimeout(() => process.exit(128 + require('node:os').constants.signals[signal]), 200)
}

/** Becomes the program, where Node can: what runs for long needs no Node beside it, and PID 1 has to be the program. */
function become(file, args) {
  if (typeof process.execve !== 'function') return
  process.emitWarning = () => {}
  process.execve(file, [file, ...args], process.env)
}

function attend(file, args) {
  let child
  // Before there is a child: a signal that comes in between waits for this turn to end.
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!fromTerminal(signal)) child.kill(signal)
    })
  }
  child = spawn(file, args, { stdio: 'inherit' })
  child.on('error', (error) => fail(`rpm-native: ${file} could not be run: ${error.message}`))
  child.on('exit', (code, signal) => (signal ? dieBy(signal) : process.exit(code)))
}

/** Runs a command line, without the program's name. */
function run(args) {
  let file
  try {
    file = program()
  } catch (error) {
    fail(error.message)
  }
  if (args[0] !== 'runtime') return attend(file, args)
  become(file, args)
  // A Node that is PID 1 doesn't bury orphans: the program does it in its place.
  attend(file, process.pid === 1 ? ['runtime', '--init', ...args.slice(1)] : args)
}

module.exports = { run }
