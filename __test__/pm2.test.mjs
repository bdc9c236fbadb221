// PM2's calls where nothing else holds them: instances, no daemon, settings, what there is not.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import rpm from 'rpm-native'
import { afterEach, expect, test } from 'vitest'
import { fixture, ROOT, remove, temporary } from './support/files.mjs'
import { alive, until } from './support/wait.mjs'

const cleanups = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

function folder() {
  const place = temporary()
  cleanups.push(() => remove(place))
  return place
}

/** An instance in a home of its own. */
function instance(options = {}) {
  const pm2 = new rpm.custom({ pm2_home: path.join(folder(), 'home'), ...options })
  cleanups.push(() => pm2.kill())
  return pm2
}

const call = (pm2, method, ...args) => promisify(pm2[method]).call(pm2, ...args)

const echo = (place) => {
  writeFileSync(
    path.join(place, 'echo.cjs'),
    `process.on('message', (data) => process.send({ type: 'echo', data }))
     process.stdin.on('data', (text) => process.send({ type: 'line', data: String(text) }))
     process.send({ type: 'axm:action', data: { action_name: 'twice' } })
     process.on('message', ({ msg, opts }) => msg === 'twice' &&
       process.send({ type: 'axm:reply', data: { action_name: 'twice', return: opts * 2 } }))`,
  )
}

test('relative paths start in the working directory of the instance', async () => {
  const cwd = folder()
  echo(cwd)
  const pm2 = instance({ cwd })
  expect(pm2).toMatchObject({ cwd, daemon_mode: true, Client: { daemon_mode: true } })
  const [{ pm2_env }] = await call(pm2, 'start', './echo.cjs', { name: 'here' })
  expect(pm2_env).toMatchObject({ pm_cwd: cwd, pm_exec_path: path.join(cwd, 'echo.cjs') })
  writeFileSync(path.join(cwd, 'a.config.cjs'), 'module.exports = { apps: [{ name: "there", script: "echo.cjs" }] }')
  expect((await pm2.start('a.config.cjs')).map(({ name }) => name)).toEqual(['there'])
})

test('without a daemon the supervisor is in this program, and a daemon that runs is taken', async () => {
  const pm2 = instance()
  const info = await call(pm2, 'connect', true)
  expect(info).toMatchObject({ pid: process.pid, new_pm2_instance: true, pm2_home: pm2.pm2_home })
  expect(pm2).toMatchObject({ daemon_mode: false, Client: { daemon_mode: false } })
  const [{ pid }] = await pm2.start(fixture('talker.js'))
  await expect(call(pm2, 'update')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(await call(pm2, 'kill')).toEqual({ success: true })
  expect(alive(pid)).toBe(false)

  const other = new rpm.Client({ home: pm2.pm2_home })
  const daemon = await other.connect()
  expect(await call(pm2, 'connect', true)).toMatchObject({ pid: daemon.pid, new_pm2_instance: false })
})

test('an independent instance has a home of its own, which destroy removes', async () => {
  const pm2 = new rpm.custom({ independent: true })
  expect(pm2.daemon_mode).toBe(false)
  const [{ pid }] = await pm2.start(fixture('talker.js'))
  await call(pm2, 'destroy')
  expect(alive(pid)).toBe(false)
  expect(existsSync(pm2.pm2_home)).toBe(false)
  expect(() => new rpm.custom({ independent: true, pm2_home: '/tmp/x' })).toThrow(/exclude/)
})

test('a home that people use is not removed', async () => {
  const home = path.join(folder(), '.rpm')
  mkdirSync(home)
  const pm2 = instance({ pm2_home: home })
  await expect(call(pm2, 'destroy')).rejects.toMatchObject({ code: 'INVALID' })
  expect(existsSync(home)).toBe(true)
})

test('a program without a daemon stays, and a signal ends it in order', async () => {
  const home = path.join(folder(), 'home')
  const program = `
    const pm2 = require(${JSON.stringify(ROOT)})
    pm2.connect(true, () => pm2.start(${JSON.stringify(fixture('talker.js'))}, (error, [app]) => {
      console.log(error ?? app.pid)
      pm2.disconnect()
    }))`
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, RPM_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)))
  const pid = Number(await new Promise((resolve) => child.stdout.setEncoding('utf8').once('data', resolve)))
  expect(alive(pid)).toBe(true)
  child.kill('SIGTERM')
  expect(await ended).toBe('SIGTERM')
  await until('its app is gone', () => !alive(pid))
})

test('a listener hears what is asked after it, and nothing once it is off', async () => {
  const place = folder()
  echo(place)
  const pm2 = instance({ cwd: place })
  const bus = await pm2.launchBus()
  const heard = []
  bus.on('process:event', ({ event }) => heard.push(event))
  bus.on('ec*', (rest, { data }) => heard.push([rest, data]))
  const [{ id }] = await pm2.start('echo.cjs')
  await until('both events', () => heard.includes('online') && heard.includes('start'))
  bus.off('process:event')
  expect(await pm2.sendDataToProcessId(id, { topic: 't', data: 1 })).toMatchObject({ success: true })
  await until('the echo', () => heard.some(Array.isArray))
  expect(heard.at(-1)).toEqual(['ho', { id, topic: 't', data: 1 }])
  await pm2.stop(id)
  expect(heard).not.toContain('stop')
  const closed = new Promise((resolve) => bus.sock.once('close', resolve))
  await pm2.disconnect()
  await closed
})

test('actions, lines and signals reach the process', async () => {
  const place = folder()
  echo(place)
  const pm2 = instance({ cwd: place })
  const bus = await pm2.launchBus()
  const line = new Promise((resolve) => bus.once('line', ({ data }) => resolve(data)))
  const [{ id, pid }] = await pm2.start('echo.cjs', { name: 'e' })
  await until('its action', async () => (await call(pm2, 'describe', 'e'))[0].pm2_env.axm_actions.length === 1)
  const [reply] = await pm2.trigger('e', 'twice', 21)
  expect(reply).toMatchObject({ data: { return: 42 }, process: { pm_id: id, name: 'e' } })
  await expect(call(pm2, 'trigger', id, 'thrice')).rejects.toThrow("Action doesn't exist thrice for e")
  await pm2.sendLineToStdin(id, 'a line', '!\n')
  expect(await line).toBe('a line!\n')
  await pm2.sendSignalToProcessId('SIGKILL', id)
  await until('another run', async () => ![0, pid].includes((await pm2.getPID('e'))[0]))
  await expect(call(pm2, 'sendSignalToProcessId', 'SIGUSR2', 7)).rejects.toThrow('7 id unknown')
  bus.close()
})

test('settings become variables of the app', async () => {
  const pm2 = instance()
  await pm2.start(fixture('talker.js'), { name: 'talker' })
  expect(await call(pm2, 'set', 'talker:LEVEL', 'debug')).toEqual({ success: true })
  const [{ pm2_env }] = await call(pm2, 'describe', 'talker')
  expect(pm2_env.env.LEVEL).toBe('debug')
  expect(await pm2.get()).toEqual({ talker: { LEVEL: 'debug' } })
  expect(await call(pm2, 'get', 'talker:LEVEL')).toEqual({ success: true, value: 'debug' })
  await pm2.multiset('talker:A 1 other 2')
  expect(await pm2.unset('other')).toBe(true)
  expect(await pm2.unset('other')).toBe(false)
  await expect(call(pm2, 'get', 'other')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const [started] = await call(pm2, 'start', { script: fixture('talker.js'), name: 'talker' })
  expect(started.pm2_env.env).toMatchObject({ LEVEL: 'debug', A: '1' })
})

test('what is restarted with updateEnv has the variables of this program', async () => {
  const pm2 = instance()
  const env = async () => (await call(pm2, 'describe', 'talker'))[0].pm2_env.env
  await pm2.start(fixture('talker.js'), { name: 'talker' })
  process.env.RPM_TEST_FRESH = 'yes'
  cleanups.push(() => delete process.env.RPM_TEST_FRESH)
  await pm2.restart('talker')
  expect(await env()).not.toHaveProperty('RPM_TEST_FRESH')
  await pm2.restart('talker', { updateEnv: true })
  expect(await env()).toHaveProperty('RPM_TEST_FRESH', 'yes')
})

test('what was saved comes back', async () => {
  const pm2 = instance()
  await expect(call(pm2, 'dump')).rejects.toMatchObject({ code: 'EMPTY_LIST' })
  await pm2.start(fixture('talker.js'), { name: 'saved' })
  expect(await pm2.dump()).toMatchObject({ apps: 1, written: true, file: path.join(pm2.pm2_home, 'dump.pm2') })
  await pm2.delete('saved')
  const [back] = await call(pm2, 'resurrect')
  expect(back).toMatchObject({ name: 'saved', status: 'online', process: { pid: expect.any(Number) } })
  expect(await pm2.resurrect()).toEqual([])
  await pm2.clearDump()
  await pm2.delete('saved')
  expect(await call(pm2, 'resurrect')).toEqual([])
})

test('errors are PM2s words in a callback, with ours as their cause', async () => {
  const pm2 = instance()
  const error = await call(pm2, 'stop', 'nobody').catch((error) => error)
  expect(error).toMatchObject({ message: 'process or namespace not found', code: 'NOT_FOUND' })
  expect(error.cause.message).toBe('there are no processes')
  expect(error.stack).toMatch(/pm2\.test\.mjs/)
  await expect(pm2.stop('nobody')).rejects.toThrow('there are no processes')
  const app = { script: fixture('talker.js'), user: 'nosuchuser' }
  if (process.getuid() === 0) await expect(call(pm2, 'start', app)).rejects.toThrow('User nosuchuser cannot be found')
})

test('what there is not says what to do instead', async () => {
  const pm2 = instance()
  for (const method of ['install', 'uninstall', 'launchModules', 'profile', 'login', 'deploy', 'pullAndReload']) {
    await expect(call(pm2, method)).rejects.toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringMatching(/\w/) })
  }
})

test('the module is an instance too', () => {
  const program = `
    const pm2 = require(${JSON.stringify(ROOT)})
    console.log(pm2.cwd === process.cwd(), pm2.daemon_mode, pm2.Client.daemon_mode, pm2.pm2_home)
    pm2.cwd = '/'
    console.log(pm2.cwd, Object.keys(pm2).includes('cwd'))
    pm2.install('x', (error) => console.log(error.code))`
  const output = execFileSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    env: { ...process.env, RPM_HOME: '/tmp/some home' },
  })
  expect(output).toBe('true true true /tmp/some home\n/ false\nUNSUPPORTED\n')
})
