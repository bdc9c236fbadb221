// Runs unmodified apps of many kinds on many Nodes under rpm-native: `npm run matrix -- --nodes 18,22 --only express`.
// docs/matrix.md says what is looked at.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { endAll } from '../benches/lib/scratch.mjs'
import { APPS, REDUCED } from '../tests/matrix/lib/apps.mjs'
import { CHECKS } from '../tests/matrix/lib/checks.mjs'
import { NothingToTry } from '../tests/matrix/lib/home.mjs'
import { matrix } from '../tests/matrix/lib/matrix.mjs'
import { PRESENT, RUNTIMES } from '../tests/matrix/lib/runtimes.mjs'

const HELP = `npm run matrix -- [options]

  --nodes <list>    of ${RUNTIMES.join(', ')}; any line or version that npm has (default: all)
  --only <list>     of ${APPS.map(({ name }) => name).join(', ')}
  --checks <list>   of ${Object.keys(CHECKS).join(', ')} (default: all; start and stop always)
  --reloads <n>     reloads under load (default: 2)
  --kills <n>       workers that are killed under load (default: 10)
  --daemons <n>     daemons that are killed under load (default: 2)
  --offline         fetch and build nothing; what is missing is skipped
  --reduced         as a step of npm test: Node's own protocols, on what is there
  --json <file>     every single result
`

/** Enough to see whether a Node speaks our language. */
const GLANCE = ['start', 'spread', 'kept', 'stop']

class Usage extends Error {}

const list = (text, what, allowed) => {
  const words = text.split(',').filter(Boolean)
  const unknown = words.filter((word) => !allowed(word))
  if (unknown.length > 0) throw new Usage(`no ${what} ${unknown.join(', ')}`)
  return words
}

const count = (text, name) => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Usage(`--${name} takes a whole number from 1`)
  return number
}

function options() {
  const text = (initial) => ({ type: 'string', default: initial })
  const flag = { type: 'boolean', default: false }
  const { values } = parseArgs({
    options: {
      nodes: text(RUNTIMES.join()),
      only: text(''),
      checks: text(Object.keys(CHECKS).join()),
      reloads: text('2'),
      kills: text('10'),
      daemons: text('2'),
      json: { type: 'string' },
      offline: flag,
      reduced: flag,
      help: flag,
    },
  })
  const only = list(values.only, 'app', (word) => APPS.some(({ name }) => name === word))
  return {
    ...values,
    nodes: list(values.nodes, 'Node', (word) => RUNTIMES.includes(word) || /^\d+(\.\d+){0,2}$/.test(word)),
    apps: APPS.filter(({ name }) => only.length === 0 || only.includes(name)),
    checks: ['start', 'stop', ...list(values.checks, 'check', (word) => word in CHECKS)],
    ...Object.fromEntries(['reloads', 'kills', 'daemons'].map((name) => [name, count(values[name], name)])),
  }
}

/** For every change: all checks on the Node that is there, a glance at the others, and nothing is fetched. */
async function reduced() {
  const all = Object.keys(CHECKS)
  const apps = APPS.filter(({ name }) => REDUCED.includes(name))
  const few = { apps, offline: true, reloads: 1, kills: 5, daemons: 1 }
  const own = await matrix({ ...few, nodes: [PRESENT], checks: all })
  const others = await matrix({ ...few, nodes: RUNTIMES.filter((name) => name !== PRESENT), checks: GLANCE })
  return { program: own.program, runtimes: [...own.runtimes, ...others.runtimes], failed: own.failed + others.failed }
}

async function main() {
  const { help, json, ...wanted } = options()
  if (help) return process.stdout.write(HELP)
  const { failed, ...results } = await (wanted.reduced ? reduced() : matrix(wanted))
  if (json) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`)
  process.stdout.write(failed === 0 ? 'all of it holds\n' : `${failed} failed\n`)
  process.exitCode = failed ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
process.on('exit', endAll)
try {
  await main()
} catch (error) {
  const usage = error instanceof Usage || error.code?.startsWith('ERR_PARSE_ARGS')
  if (!usage && !(error instanceof NothingToTry)) throw error
  process.stderr.write(`${error.message}\n${usage ? `\n${HELP}` : ''}`)
  process.exitCode = 2
}
