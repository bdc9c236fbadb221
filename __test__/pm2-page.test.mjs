// Holds what docs/pm2.md says of the JavaScript API against what the package exports, and what its types declare.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'

const require = createRequire(import.meta.url)
const api = require('../index.js')
const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

/** Calls of ours alone. */
const OURS = ['Client', 'Supervisor', 'sendSignal', 'logs', 'events']

function rows() {
  const section = read('docs/pm2.md')
    .split('\n## ')
    .find((text) => text.startsWith('JavaScript\n'))
  const lines = section.split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => {
    const [names, verdict] = line.slice(1).split(' | ')
    return { names: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name), verdict: verdict.trim() }
  })
}

const named = (wanted) =>
  rows()
    .filter(({ verdict }) => wanted(verdict))
    .flatMap(({ names }) => names)

test('what is there is exported, and declared', () => {
  const there = named((verdict) => verdict !== 'absent')
  expect(there.length).toBeGreaterThan(30)
  const types = read('index.d.ts') + read('pm2.d.ts')
  const absent = Object.keys(require('../lib/pm2/absent.js'))
  for (const name of there) {
    expect(api[name], name).toBeTypeOf('function')
    expect(absent, name).not.toContain(name)
    const declared = new RegExp(`^\\s*(?:${name}\\s*[(<:]|export declare class ${name}\\b)`, 'm')
    expect(declared.test(types), `${name} is declared`).toBe(true)
  }
})

test('what is absent says what to do instead', async () => {
  const absent = named((verdict) => verdict === 'absent')
  expect(absent.length).toBeGreaterThan(3)
  for (const name of absent) {
    await expect(api[name](), name).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  }
})

test('nothing that is exported has no row', () => {
  const told = rows().flatMap(({ names }) => names)
  const untold = Object.keys(api).filter((name) => !told.includes(name) && !OURS.includes(name))
  expect(untold).toEqual([])
})
