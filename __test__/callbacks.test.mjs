import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { backends, empty } from './support/backends.mjs'
import { fixture } from './support/files.mjs'

const talker = fixture('talker.js')

describe.each(backends)('callbacks of %s', (_name, open) => {
  let pm
  let end
  beforeAll(async () => {
    ;({ pm, end } = await open())
  })
  afterEach(() => empty(pm))
  afterAll(() => end?.())

  const call = (method, ...args) => promisify(pm[method]).call(pm, ...args)

  test('start gives processes as PM2 does', async () => {
    const [started] = await call('start', { script: talker, name: 'one' })
    expect(started.pm2_env).toMatchObject({ name: 'one', status: 'online', restart_time: 0 })
    expect(started.process.pid).toBe((await pm.list())[0].pid)
  })

  test('start takes options between', async () => {
    const [started] = await call('start', talker, { name: 'named' })
    expect(started.pm2_env.name).toBe('named')
  })

  test('list and describe give elements of jlist', async () => {
    const [{ id, pid }] = await pm.start(talker, { name: 'one' })
    const listed = await call('list')
    expect(listed).toHaveLength(1)
    expect(listed[0]).toMatchObject({ name: 'one', pm_id: id, pid, monit: { cpu: expect.any(Number) } })
    expect(await call('describe', 'one')).toMatchObject([{ pm_id: id, pm2_env: { pm_exec_path: talker } }])
    expect(await call('describe', 'nobody')).toEqual([])
  })

  test('the other verbs give summaries', async () => {
    const [{ id }] = await pm.start(talker, { name: 'one', env: { WHO: 'me' } })
    const summary = { name: 'one', namespace: 'default', pm_id: id }
    expect(await call('restart', 'one')).toMatchObject([{ ...summary, status: 'online', restart_time: 1 }])
    expect(await call('sendSignal', 'SIGUSR2', 'one')).toMatchObject([summary])
    expect(await call('stop', 'one')).toMatchObject([{ ...summary, status: 'stopped', pm2_env: { status: 'stopped' } }])
    const [deleted] = await call('delete', 'one')
    expect(deleted).toMatchObject({ ...summary, pm2_env: { name: 'one', env: { WHO: 'me' } } })
    expect(await call('ping')).toEqual({ msg: 'pong' })
    expect(await call('flush')).toEqual([])
  })

  test('errors come first, successes with null', async () => {
    await expect(call('stop', 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const args = await new Promise((resolve) => {
      expect(pm.list((...given) => resolve(given))).toBeUndefined()
    })
    expect(args).toEqual([null, []])
  })
})
