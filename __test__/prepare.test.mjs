// scripts/prepare.mjs: when it does nothing, and what it says when it can't do anything.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, remove, temporary } from './support/files.mjs'

let folder
beforeAll(() => {
  folder = temporary()
})
afterAll(() => remove(folder))

function prepare(root, env = {}) {
  const { npm_command: _, ...rest } = process.env
  const script = path.join(root, 'scripts', 'prepare.mjs')
  return spawnSync(process.execPath, [script], { env: { ...rest, ...env }, encoding: 'utf8' })
}

/** A checkout in which nothing was built. */
function checkout(name, { sources }) {
  const root = path.join(folder, name)
  cpSync(path.join(ROOT, 'scripts'), path.join(root, 'scripts'), { recursive: true })
  if (sources) {
    mkdirSync(path.join(root, 'src'))
    writeFileSync(path.join(root, 'Cargo.toml'), '')
    writeFileSync(path.join(root, 'src', 'lib.rs'), '')
  }
  return root
}

/** Leaves things as a build leaves them. */
async function build(root) {
  const sources = await import(path.join(root, 'scripts', 'lib', 'sources.mjs'))
  const platform = sources.platformOf('x86_64-unknown-linux-gnu').replace('x64', process.arch)
  const { program, guardian, addon } = sources.artefacts(platform)
  for (const [name, digest] of Object.entries(sources.digests())) sources.writeStamp(platform, name, digest)
  for (const file of [program, guardian, addon]) writeFileSync(file, '')
  return { program, addon }
}

test('what is built is left alone, without a word', async () => {
  const root = checkout('built', { sources: true })
  await build(root)
  const { status, stdout, stderr } = prepare(root, { PATH: '' })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})

test.each([
  ['a source changed', (root) => writeFileSync(path.join(root, 'src', 'lib.rs'), 'mod changed;')],
  ['a source was added', (root) => writeFileSync(path.join(root, 'src', 'new.rs'), '')],
  ['an artefact is gone', (_root, { addon }) => remove(addon)],
])('it is built again when %s', async (what, change) => {
  const root = checkout(what, { sources: true })
  change(root, await build(root))
  expect(prepare(root, { PATH: '' })).toMatchObject({ status: 1, stderr: expect.stringContaining('rustc') })
})

test('an installed package has nothing to build', () => {
  const { status, stderr } = prepare(checkout('installed', { sources: false }), { PATH: '' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('npx is let through at once', () => {
  const { status, stderr } = prepare(checkout('npx', { sources: true }), { PATH: '', npm_command: 'exec' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('without Rust it says what to install', () => {
  const { status, stderr } = prepare(checkout('bare', { sources: true }), { PATH: '' })
  expect(status).toBe(1)
  expect(stderr).toMatch(/needs Rust: install it from https:\/\/rustup\.rs/)
  expect(stderr).not.toContain('    at ')
})
