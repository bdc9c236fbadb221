// bin/rpm.js, with programs in the native one's place that do what is to be seen.

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, remove, temporary } from './support/files.mjs'
import { until } from './support/wait.mjs'

let folder
beforeAll(() => {
  folder = temporary()
})
afterAll(() => remove(folder))

/** Puts a shell script where the launcher looks for the native program; gives the environment that says so. */
function native(script) {
  const place = path.join(folder, String(Math.random()))
  mkdirSync(place)
  writeFileSync(path.join(place, 'rpm'), `#!/bin/sh\n${script}\n`)
  chmodSync(path.join(place, 'rpm'), 0o755)
  return { ...process.env, RPM_NATIVE_DIR: place }
}

const LAUNCHER = path.join(ROOT, 'bin', 'rpm.js')

function launch(script, args = [], input = '') {
  return spawnSync(process.execPath, [LAUNCHER, ...args], { env: native(script), input, encoding: 'utf8' })
}

test('arguments, streams and exit code are those of the program', () => {
  const { status, stdout, stderr } = launch(
    `for arg in "$@"; do echo "[$arg]"; done; cat; echo oops >&2; exit 7`,
    ['a', 'b c', '', '--d'],
    'input',
  )
  expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: '[a]\n[b c]\n[]\n[--d]\ninput', stderr: 'oops\n' })
})

test.each(['runtime', 'dev'])('rpm-%s is that verb', (verb) => {
  const launcher = path.join(ROOT, 'bin', `rpm-${verb}.js`)
  const { status, stdout } = spawnSync(process.execPath, [launcher, 'app.js', '-i', '2'], {
    env: native('echo "$@"; exit 3'),
    encoding: 'utf8',
  })
  expect({ status, stdout }).toEqual({ status: 3, stdout: `${verb} app.js -i 2\n` })
})

test('success is success', () => {
  expect(launch('exit 0').status).toBe(0)
})

test.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGABRT'])('death by %s is death by it', (signal) => {
  const seen = launch(`kill -${signal.slice(3)} $$`)
  expect({ signal: seen.signal, status: seen.status }).toEqual({ signal, status: null })
})

test('death by SIGPIPE, which Node ignores, is the shell’s number', () => {
  expect(launch('kill -PIPE $$').status).toBe(141)
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])('%s is passed on', async (signal) => {
  const script = `trap 'echo caught; exit 9' ${signal.slice(3)}; echo ready; while kill -0 $PPID; do sleep 0.02; done`
  const child = spawn(process.execPath, [LAUNCHER], { env: native(script), stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)))
  try {
    await until('the program runs', () => output.includes('ready'))
    child.kill(signal)
    expect(await ended).toBe(9)
    expect(output).toBe('ready\ncaught\n')
  } finally {
    child.kill('SIGKILL')
  }
})

test('a missing program says what to do', () => {
  const env = { ...process.env, RPM_NATIVE_DIR: path.join(folder, 'nowhere') }
  const { status, stderr } = spawnSync(process.execPath, [LAUNCHER], { env, encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toContain(path.join(folder, 'nowhere', 'rpm'))
  expect(stderr).toContain('RPM_NATIVE_DIR must name the folder')
})

/** The package as it is installed: without sources, without what was built. */
function installed(name) {
  const place = path.join(folder, name, 'node_modules', 'rpm-native')
  for (const part of ['bin', 'lib', 'index.js', 'package.json']) {
    cpSync(path.join(ROOT, part), path.join(place, part), { recursive: true })
  }
  return place
}

test('an installation without its platform package names it', () => {
  const { RPM_NATIVE_DIR: _, ...env } = process.env
  const place = installed('bare')
  const launcher = spawnSync(process.execPath, [path.join(place, 'bin', 'rpm.js')], { env, encoding: 'utf8' })
  expect(launcher.status).toBe(1)
  expect(launcher.stderr).toContain(`npm install --include=optional rpm-native`)
  expect(launcher.stderr).toContain(`rpm-native-${process.platform}-${process.arch}`)
  const use = `require(${JSON.stringify(place)}).list().catch(({ code }) => console.log(code))`
  expect(spawnSync(process.execPath, ['-e', use], { env, encoding: 'utf8' }).stdout).toBe('NATIVE_MISSING\n')
})

test('a platform package is found beside it', () => {
  const { RPM_NATIVE_DIR: _, ...env } = process.env
  const place = installed('whole')
  const platform = `rpm-native-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
  const beside = path.join(place, '..', platform)
  mkdirSync(beside)
  writeFileSync(path.join(beside, 'package.json'), JSON.stringify({ name: platform, version: '0.0.0' }))
  writeFileSync(path.join(beside, 'rpm'), '#!/bin/sh\nexit 5\n')
  chmodSync(path.join(beside, 'rpm'), 0o755)
  expect(spawnSync(process.execPath, [path.join(place, 'bin', 'rpm.js')], { env }).status).toBe(5)
})
