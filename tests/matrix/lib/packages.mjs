// The frameworks from npm, in the versions that the lock file beside us names, and which Nodes each of them takes.

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { run } from '../../../benches/lib/command.mjs'

export const MATRIX = path.join(import.meta.dirname, '..')

const manifest = (name) => path.join(MATRIX, 'node_modules', name, 'package.json')

const next = {
  build: path.join(MATRIX, 'apps', 'next', '.next', 'BUILD_ID'),
  folder: path.join(MATRIX, 'apps', 'next'),
}

/** Installs what is missing, and builds what has to be built; gives the reason why an app can't be run, if any. */
export async function prepare(apps, { offline }) {
  const needed = (app) => app.packages.filter((name) => !existsSync(manifest(name)))
  if (!offline && apps.some((app) => needed(app).length > 0)) {
    process.stderr.write('installing the frameworks\n')
    // Not `npm ci`: it refuses a lock file that lacks packages of other platforms.
    await run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: MATRIX })
  }
  const builds = apps.some((app) => app.packages.includes('next') && needed(app).length === 0)
  if (!offline && builds && !existsSync(next.build)) await buildNext()
  return (app) => {
    const [missing] = needed(app)
    if (missing) return `${missing} is not installed`
    return app.packages.includes('next') && !existsSync(next.build) ? 'it is not built yet' : undefined
  }
}

async function buildNext() {
  process.stderr.write('building the Next.js app\n')
  const program = path.join(MATRIX, 'node_modules', 'next', 'dist', 'bin', 'next')
  await run([process.execPath, program, 'build'], {
    cwd: next.folder,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
}

export function versionOf(name) {
  try {
    return JSON.parse(readFileSync(manifest(name), 'utf8')).version
  } catch {
    return undefined
  }
}

/** Compares versions by their numbers. */
function before(version, other) {
  const [left, right] = [version, other].map((text) => text.split('.').map(Number))
  for (let at = 0; at < right.length; at += 1) {
    if ((left[at] ?? 0) !== right[at]) return (left[at] ?? 0) < right[at]
  }
  return false
}

/** Why an app is not for a runtime, if it isn't: of frameworks, what their authors say counts. */
export function refuses(app, { kind, version }) {
  if (kind === 'bun') return app.bun
  return app.needs && before(version, app.needs) ? `needs Node ${app.needs}` : undefined
}
