// The same programs against the PM2 of npm and against us: what they print has to be equal. Not without a network, or what
// was fetched with one before.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ROOT, temporary } from './support/files.mjs'

const FOLDER = path.join(ROOT, 'tests', 'pm2')
const PM2 = path.join(FOLDER, 'node_modules', 'pm2')
const LIMIT = 240_000
const PROGRAM_LIMIT = 150_000

/** Whether PM2 is there in the version that is asked for. */
function installed() {
  const manifest = path.join(PM2, 'package.json')
  const { dependencies } = JSON.parse(readFileSync(path.join(FOLDER, 'package.json'), 'utf8'))
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === dependencies.pm2
}

function install() {
  if (installed()) return true
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  spawnSync('npm', args, { cwd: FOLDER, stdio: 'ignore', timeout: 120_000 })
  return installed()
}

const isThere = install()
if (!isThere) process.stderr.write('PM2 cannot be installed: nothing to compare with\n')

const folders = []
afterAll(() => {
  for (const folder of folders) {
    endDaemon(path.join(folder, 'pm2', 'pm2.pid'))
    endDaemon(path.join(folder, 'rpm', 'rpm.pid'))
    // It may still write.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
})

/** A program that did not come to its end has left its daemon behind. */
function endDaemon(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')))
  } catch {
    // There is none, as it should be.
  }
}

/** Nothing of the caller's homes: neither a real PM2 nor a real daemon of ours may notice. */
function run(program, module) {
  const home = temporary()
  folders.push(home)
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    PM2_HOME: path.join(home, 'pm2'),
    RPM_HOME: path.join(home, 'rpm'),
    PM2_MODULE: module,
    ...(process.env.RPM_NATIVE_DIR && { RPM_NATIVE_DIR: process.env.RPM_NATIVE_DIR }),
  }
  const file = path.join(FOLDER, 'programs', `${program}.cjs`)
  return new Promise((resolve) => {
    const options = { cwd: path.join(FOLDER, 'apps'), env, timeout: PROGRAM_LIMIT, maxBuffer: 1 << 26 }
    execFile(process.execPath, [file], options, (error, stdout, stderr) => {
      const told = stdout.split('\n').filter((line) => line.startsWith('='))
      resolve({ told: told.map((line) => JSON.parse(line.slice(1))), code: error?.code ?? 0, stderr })
    })
  })
}

describe.skipIf(!isThere)('as with PM2', () => {
  test.for([
    ['verbs', 60],
    ['bus', 15],
    ['metrics', 10],
  ])('%s', { timeout: LIMIT }, async ([program, least]) => {
    const [theirs, ours] = await Promise.all([run(program, PM2), run(program, ROOT)])
    expect(theirs.code, theirs.stderr).toBe(0)
    // A program that tells nothing would be equal to itself.
    expect(theirs.told.length).toBeGreaterThanOrEqual(least)
    expect(ours.told).toEqual(theirs.told)
    expect(ours.code, ours.stderr).toBe(0)
  })
})
