'use strict'
// Run by the user's node (or bun, for TypeScript), so that an application file sees the modules and variables it expects. Arguments: what to
// read (`module` or `expression`) and the file's absolute path; an expression's text comes on standard input. The
// answer, `{value}` or `{error}` in JSON, goes to standard output between two marks; nothing else does: what the file
// prints goes to standard error.
const { spawnSync } = require('node:child_process')
const { fileURLToPath, pathToFileURL } = require('node:url')
// Bun has a name for the script itself among them.
const [kind, file] = process.argv.splice(1).slice(-2)
const MARK = '\u001erpm-native\u001e'

const answer = process.stdout.write.bind(process.stdout)
process.stdout.write = process.stderr.write.bind(process.stderr)

let answered = false
function reply(message) {
  if (answered) return
  const text = JSON.stringify(message, plain)
  answered = true
  answer(MARK + text + MARK, () => process.exit())
}

// JSON has no regular expressions, but patterns of `ignore_watch` may be some.
function plain(_key, value) {
  return value instanceof RegExp ? `/(?:${value.source})/${value.flags}` : value
}

async function read() {
  if (kind === 'expression') {
    const text = require('node:fs').readFileSync(0, 'utf8')
    return require('node:vm').runInThisContext(`(${text}\n)`, { filename: file, columnOffset: -1 })
  }
  const exported = await import(pathToFileURL(file))
  const value = 'default' in exported ? exported.default : { ...exported }
  return value?.__esModule && 'default' in value ? value.default : value
}

async function settle(value) {
  value = await value
  return typeof value === 'function' ? settle(value()) : value
}

function describe(error) {
  // Bun has a list of all that is wrong, each with its place.
  const first = Array.isArray(error?.errors) && error.errors[0]
  if (first?.position) return { message: `SyntaxError: ${first.message}`, ...first.position }
  if (!(error && typeof error === 'object' && 'message' in error)) return { message: `threw ${String(error)}` }
  const message = `${error.name}: ${String(error.message).split('\n')[0]}`
  return { message, code: error.code && String(error.code), ...(place(error) || {}) }
}

// Syntax errors are placed by lines above the message, the others by the first frame that is not Node's.
function place(error) {
  const stack = String(error.stack)
  const above = error.name === 'SyntaxError' && (marked(stack) || marked(check()))
  if (above) return above
  const frame = /^ +at (?:.* \(|async )?((?:file:\/\/)?\/[^\n]*):(\d+):(\d+)\)?$/m.exec(stack)
  return frame && { file: path(frame[1]), line: Number(frame[2]), column: Number(frame[3]) }
}

function marked(text) {
  const found = /^((?:file:\/\/)?\/[^\n]*):(\d+)\n(?:[^\n]*\n){1,2}?( *)\^/.exec(text)
  return found && { file: path(found[1]), line: Number(found[2]), column: found[3].length + 1 }
}

// Node tells where an ES module is wrong only in print.
function check() {
  if (kind !== 'module' || process.versions.bun) return ''
  return spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' }).stderr
}

function path(name) {
  return name.startsWith('file:') ? fileURLToPath(name) : name
}

process.on('uncaughtException', (error) => reply({ error: describe(error) }))
process.on('beforeExit', () => reply({ error: { message: 'it exports a promise that nothing resolves' } }))
read()
  .then(settle)
  .then((value) => reply({ value: value === undefined ? null : value }))
  .catch((error) => reply({ error: describe(error) }))
