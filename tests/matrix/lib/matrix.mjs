// Goes through the apps on each runtime, and tells what it sees.

import { cell } from './cell.mjs'
import { CHECKS } from './checks.mjs'
import { program } from './home.mjs'
import { prepare, refuses, versionOf } from './packages.mjs'
import { runtime } from './runtimes.mjs'

const say = (text) => process.stdout.write(`${text}\n`)

const titleOf = (app) => {
  const version = app.packages.length > 0 && versionOf(app.packages[0])
  return version ? `${app.name} ${version}` : app.name
}

const MARKS = { true: 'ok', false: 'FAILED' }

function row(title, results, columns) {
  if (results.skipped) return `  ${title}  skipped: ${results.skipped}`
  const cells = columns.map((name) => (results[name] ? MARKS[results[name].ok] : '-').padEnd(7))
  const seconds = Object.values(results).reduce((sum, { ms }) => sum + ms, 0) / 1000
  return `  ${title}  ${cells.join('')}${seconds.toFixed(1).padStart(6)} s`
}

function failures(results, columns) {
  return columns
    .filter((name) => results[name]?.ok === false)
    .map((name) => `    ${name}: ${results[name].told}\n${indented(results[name].logs ?? '')}`)
}

const indented = (text) => text.replace(/^(?=.)/gm, '      | ')

/** `{ program, runtimes, failed }`; the table goes to standard output as it grows. */
export async function matrix(options) {
  const { apps, nodes, offline } = options
  const tried = program()
  const columns = Object.keys(CHECKS).filter((name) => options.checks.includes(name))
  const missing = await prepare(apps, { offline })
  const width = Math.max(...apps.map((app) => titleOf(app).length))
  const runtimes = []
  let failed = 0
  for (const name of nodes) {
    const found = await runtime(name, { offline })
    const results = {}
    runtimes.push({ name, version: found.version, missing: found.missing, apps: results })
    if (found.missing) {
      say(`${name}: skipped, ${found.missing}`)
      // What nobody has asked to leave out has to be there.
      failed += offline ? 0 : 1
      continue
    }
    say(`${found.kind === 'bun' ? 'Bun' : 'Node'} ${found.version}`)
    say(`  ${''.padEnd(width)}  ${columns.map((column) => column.padEnd(7)).join('')}`)
    for (const app of apps) {
      const skipped = missing(app) ?? refuses(app, found)
      const result = skipped ? { skipped } : await cell(app, found, options)
      results[app.name] = result
      say(row(titleOf(app).padEnd(width), result, columns))
      if (skipped) continue
      const told = failures(result, columns)
      if (told.length > 0) say(told.join('\n'))
      failed += told.length
    }
  }
  return { program: tried, runtimes, failed }
}
