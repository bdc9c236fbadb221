import { execFileSync } from 'node:child_process'
import rpm from 'rpm-native'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fixture, ROOT, remove, temporary } from './support/files.mjs'
import { alive, until } from './support/wait.mjs'

const homes = []
const before = process.env.RPM_HOME

beforeEach(() => {
  process.env.RPM_HOME = temporary()
  homes.push(process.env.RPM_HOME)
})

afterEach(async () => {
  for (const home of homes.splice(0)) {
    await new rpm.Client({ home }).kill()
    remove(home)
  }
  if (before === undefined) delete process.env.RPM_HOME
  else process.env.RPM_HOME = before
})

test('import and require give the same', () => {
  // In a program of its own: a test runner has module caches of its own.
  const program = `
    import { createRequire } from 'node:module'
    import all, * as rpm from 'rpm-native'
    const required = createRequire(import.meta.url)('rpm-native')
    const { default: _, ...named } = rpm
    console.log(all === required, Object.keys(required).every((name) => named[name] === required[name]))
    console.log(Object.keys(named).length === Object.keys(required).length)`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, encoding: 'utf8' })
  expect(output).toBe('true true\ntrue\n')
})

test('the functions speak to the daemon of RPM_HOME as it is at the call', async () => {
  const [first] = homes
  expect((await rpm.connect()).home).toBe(first)
  await rpm.start(fixture('talker.js'), { name: 'first' })
  process.env.RPM_HOME = temporary()
  homes.push(process.env.RPM_HOME)
  expect((await rpm.ping()).home).toBe(homes[1])
  expect(await rpm.list()).toEqual([])
  process.env.RPM_HOME = first
  expect((await rpm.list()).map(({ name }) => name)).toEqual(['first'])
})

test('kill ends the daemon and its apps, and says whether there was one', async () => {
  expect(await rpm.kill()).toBe(false)
  const { pid } = await rpm.connect()
  const [app] = await rpm.start(fixture('talker.js'))
  expect(await rpm.kill()).toBe(true)
  expect(alive(app.pid)).toBe(false)
  await until('the daemon is gone', () => !alive(pid))
})

test('disconnect ends what iterates, and the daemon goes on', async () => {
  const { pid } = await rpm.connect()
  const events = rpm.events()
  await events.ready()
  const waiting = events.next()
  await rpm.disconnect()
  expect(await waiting).toMatchObject({ done: true })
  expect((await rpm.ping()).pid).toBe(pid)
})
