// The Nodes, and Bun, that apps are run by: what is there, and what npm has.

import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { run } from '../../../benches/lib/command.mjs'
import { ROOT } from '../../../scripts/lib/sources.mjs'

/** Ignored by git, and kept between runs. */
export const CACHE = process.env.RPM_MATRIX_CACHE ?? path.join(ROOT, 'target', 'matrix')

/** `latest` is the newest there is; a number is the newest of that line. */
export const RUNTIMES = ['18', '20', '22', '24', 'latest', 'bun']

/** The line of the Node that runs this. */
export const PRESENT = process.versions.node.split('.')[0]

const libc = existsSync('/etc/alpine-release') ? '-musl' : ''

/** npm's packages of the programs themselves. */
function packageOf(name) {
  if (name === 'bun') return { id: `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}${libc}`, tag: '1' }
  return { id: `node-linux-${process.arch}`, tag: name }
}

const folderOf = (name) => path.join(CACHE, 'runtimes', name)

const programOf = (name) =>
  path.join(folderOf(name), 'node_modules', packageOf(name).id, 'bin', name === 'bun' ? 'bun' : 'node')

async function fetch(name) {
  const { id, tag } = packageOf(name)
  mkdirSync(folderOf(name), { recursive: true })
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']
  await run(['npm', 'install', ...quiet, '--prefix', folderOf(name), `${id}@${tag}`])
}

/** `{ name, kind, program, version }` of one, or `{ name, missing }` with the reason. */
export async function runtime(name, { offline }) {
  if (name === PRESENT) return { name, kind: 'node', program: process.execPath, version: process.versions.node }
  const program = programOf(name)
  if (!existsSync(program)) {
    if (offline) return { name, missing: 'not fetched yet' }
    process.stderr.write(`fetching ${packageOf(name).id}@${packageOf(name).tag}\n`)
    try {
      await fetch(name)
    } catch (error) {
      return { name, missing: error.message.split('\n').at(-1) }
    }
  }
  const version = (await run([program, '--version'])).trim().replace(/^v/, '')
  return { name, kind: name === 'bun' ? 'bun' : 'node', program, version }
}
