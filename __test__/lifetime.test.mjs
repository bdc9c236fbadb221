// Programs that use the API, as programs: when they end, and what ends with them.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import rpm from 'rpm-native'
import { afterEach, expect, test } from 'vitest'
import { artefacts, builtPlatform } from '../scripts/lib/sources.mjs'
import { fixture, ROOT, remove, temporary } from './support/files.mjs'
import { alive, children, until } from './support/wait.mjs'

const cleanups = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** Runs a program with `rpm` and `talker` at hand; gives its child process and what it printed so far. */
function program(body, env = {}) {
  const folder = temporary()
  cleanups.push(() => remove(folder))
  const file = path.join(folder, 'program.cjs')
  writeFileSync(
    file,
    `const rpm = require(${JSON.stringify(ROOT)})
     const talker = ${JSON.stringify(fixture('talker.js'))}
     async function main() { ${body} }
     main().catch((error) => { console.error(error); process.exit(1) })`,
  )
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => child.kill('SIGKILL'))
  const running = { child, output: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    running.output += text
  })
  running.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)))
  return running
}

const daemonHome = () => {
  const home = temporary()
  cleanups.push(async () => {
    await new rpm.Client({ home }).kill()
    remove(home)
  })
  return home
}

test('a program that used the daemon ends by itself, and its app goes on', async () => {
  const RPM_HOME = daemonHome()
  const running = program('await rpm.start(talker)', { RPM_HOME })
  expect(await running.ended).toBe(0)
  const [app] = await new rpm.Client({ home: RPM_HOME }).list()
  expect(app.status).toBe('online')
  expect(alive(app.pid)).toBe(true)
})

test('an idle stream does not keep a program alive', async () => {
  const running = program('rpm.events(); rpm.logs("all"); await rpm.list()', { RPM_HOME: daemonHome() })
  expect(await running.ended).toBe(0)
})

test('a wait for the next item does', async () => {
  const RPM_HOME = daemonHome()
  const running = program(
    'const events = rpm.events(); await events.ready(); console.log("ready"); ' +
      'for await (const { event } of events) { console.log(event); break }',
    { RPM_HOME },
  )
  await until('it waits', () => running.output.includes('ready'))
  expect(running.child.exitCode).toBeNull()
  await new rpm.Client({ home: RPM_HOME }).start(fixture('talker.js'))
  expect(await running.ended).toBe(0)
})

test('an idle supervisor ends with its program, and its apps and files with it', async () => {
  const TMPDIR = temporary()
  cleanups.push(() => remove(TMPDIR))
  const running = program('const [app] = await new rpm.Supervisor().start(talker); console.log(app.pid)', { TMPDIR })
  expect(await running.ended).toBe(0)
  expect(readdirSync(TMPDIR)).toEqual([])
  const pid = Number(running.output)
  expect(pid).toBeGreaterThan(0)
  await until(`the app ${pid} is gone`, () => !alive(pid))
})

test.each(['SIGTERM', 'SIGKILL'])('the apps of a supervisor end when its program is ended by %s', async (signal) => {
  const TMPDIR = temporary()
  cleanups.push(() => remove(TMPDIR))
  const running = program(
    'const [app] = await new rpm.Supervisor().start(talker); console.log(app.pid); setInterval(() => {}, 60_000)',
    { TMPDIR },
  )
  const pid = await until('the app runs', () => Number(running.output))
  running.child.kill(signal)
  expect(await running.ended).toBe(signal)
  await until(`the app ${pid} is gone`, () => !alive(pid))
})

/** An app that starts something in a session of its own, and says what. */
const DETACHER = `
  const { spawn } = require('node:child_process')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60_000)'], { detached: true, stdio: 'ignore' })
  console.log('detached', child.pid)
  setInterval(() => {}, 60_000)`

/** A program whose supervisor has such an app, and the processes there are then. */
async function detaching(then) {
  const TMPDIR = temporary()
  cleanups.push(() => remove(TMPDIR))
  const detacher = path.join(TMPDIR, 'detacher.cjs')
  writeFileSync(detacher, DETACHER)
  const running = program(
    `const home = ${JSON.stringify(path.join(TMPDIR, 'home'))}
     const supervisor = new rpm.Supervisor({ home })
     const [app] = await supervisor.start(${JSON.stringify(detacher)})
     console.log('app', app.pid)
     process.once('SIGUSR2', async () => { ${then} })
     setInterval(() => {}, 60_000)`,
    { TMPDIR },
  )
  const log = path.join(TMPDIR, 'home', 'logs', 'detacher-out.log')
  const said = (text, word) => Number(new RegExp(`^${word} (\\d+)$`, 'm').exec(text)?.[1])
  const app = await until('the app runs', () => said(running.output, 'app'))
  const detached = await until('it has detached', () => said(readFileSync(log, 'utf8'), 'detached'))
  cleanups.push(() => alive(detached) && process.kill(detached, 'SIGKILL'))
  const [leash] = children(running.child.pid, 'rpm-guardian')
  for (const pid of [app, detached, leash]) expect(alive(pid)).toBe(true)
  return { running, app, detached, leash }
}

test('what an app has detached ends when its program is killed, and nothing stays to see to it', async () => {
  const { running, app, detached, leash } = await detaching('')
  running.child.kill('SIGKILL')
  expect(await running.ended).toBe('SIGKILL')
  await until('all of them are gone', () => ![app, detached, leash].some(alive))
})

test('what an app has detached ends when its supervisor is closed', async () => {
  const { running, app, detached, leash } = await detaching('await supervisor.close(); console.log("closed")')
  running.child.kill('SIGUSR2')
  await until('it is closed', () => running.output.includes('closed'))
  expect(children(running.child.pid, 'rpm-guardian')).toEqual([])
  expect([app, detached, leash].map(alive)).toEqual([false, false, false])
})

test('a supervisor does without its guardian', async () => {
  const RPM_NATIVE_DIR = temporary()
  cleanups.push(() => remove(RPM_NATIVE_DIR))
  const { addon } = artefacts(builtPlatform())
  symlinkSync(addon, path.join(RPM_NATIVE_DIR, path.basename(addon)))
  const body =
    'const [app] = await new rpm.Supervisor().start(talker); console.log(app.pid); setInterval(() => {}, 1e6)'
  const running = program(body, { RPM_NATIVE_DIR })
  const pid = await until('the app runs', () => Number(running.output))
  expect(children(running.child.pid, 'rpm-guardian')).toEqual([])
  running.child.kill('SIGKILL')
  await until(`the app ${pid} is gone`, () => !alive(pid))
})

test('close ends the apps; later calls say so', async () => {
  const supervisor = new rpm.Supervisor()
  const [app] = await supervisor.start(fixture('talker.js'))
  await supervisor.close()
  expect(alive(app.pid)).toBe(false)
  await expect(supervisor.list()).rejects.toMatchObject({ code: 'CLOSING', hint: expect.any(String) })
  await supervisor.close()
})

test('a supervisor that never started anything closes at once', async () => {
  await new rpm.Supervisor().close()
})

test('await using closes a supervisor', async () => {
  const supervisor = new rpm.Supervisor()
  const [app] = await supervisor.start(fixture('talker.js'))
  await supervisor[Symbol.asyncDispose]()
  expect(alive(app.pid)).toBe(false)
})
