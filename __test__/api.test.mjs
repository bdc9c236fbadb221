import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { backends, empty } from './support/backends.mjs'
import { fixture } from './support/files.mjs'
import { alive, freePort, until } from './support/wait.mjs'

const talker = fixture('talker.js')

describe.each(backends)('processes of %s', (_name, open) => {
  let pm
  let end
  beforeAll(async () => {
    ;({ pm, end } = await open())
  })
  afterEach(() => empty(pm))
  afterAll(() => end?.())

  test('start gives the processes, list shows them', async () => {
    const started = await pm.start({ script: talker, name: 'two', instances: 2, exec_mode: 'fork' })
    expect(started.map(({ name, instance, status, mode }) => ({ name, instance, status, mode }))).toEqual([
      { name: 'two', instance: 0, status: 'online', mode: 'fork' },
      { name: 'two', instance: 1, status: 'online', mode: 'fork' },
    ])
    for (const { id, pid, startedAt, createdAt, restarts, exitCode, reason } of started) {
      expect(Number.isInteger(id)).toBe(true)
      expect(alive(pid)).toBe(true)
      expect(Math.abs(Date.now() - startedAt)).toBeLessThan(60_000)
      expect(createdAt).toBeLessThanOrEqual(startedAt)
      expect([restarts, exitCode, reason]).toEqual([0, null, null])
    }
    const listed = await pm.list()
    expect(listed.map(({ id, pid }) => [id, pid])).toEqual(started.map(({ id, pid }) => [id, pid]))
  })

  test('workers share a port', async () => {
    const port = await freePort()
    const app = { script: fixture('http.js'), name: 'web', instances: 2, env: { PORT: port } }
    const workers = await pm.start(app)
    expect(workers.map(({ mode }) => mode)).toEqual(['cluster', 'cluster'])
    const seen = new Set()
    await until('both workers answer', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
      seen.add(Number(await answer.text()))
      return seen.size === 2
    })
    expect([...seen].sort()).toEqual(workers.map(({ pid }) => pid).sort())
  })

  test('reload replaces workers without a failed request', async () => {
    const port = await freePort()
    const before = await pm.start({ script: fixture('http.js'), name: 'web', instances: 2, env: { PORT: port } })
    const ask = async () => (await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })).text()
    await until('it answers', ask)
    let reloading = true
    const asking = (async () => {
      let answers = 0
      for (; reloading; answers += 1) await ask()
      return answers
    })()
    const after = await pm.reload('web').finally(() => {
      reloading = false
    })
    expect(await asking).toBeGreaterThan(0)
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    for (const { pid } of before) expect(alive(pid)).toBe(false)
    expect((await pm.list()).map(({ status }) => status)).toEqual(['online', 'online'])
  })

  test('describe tells the rest', async () => {
    const [{ id }] = await pm.start(talker, { name: 'one', args: ['--a', 'b c'], env: { WHO: 'me' } })
    const [description] = await pm.describe('one')
    expect(description).toMatchObject({ id, name: 'one', status: 'online', script: talker, args: ['--a', 'b c'] })
    expect(description.cwd).toBe(process.cwd())
    expect(description.interpreter).toMatch(/node$/)
    expect(description.env.WHO).toBe('me')
    expect(description.outLog).toMatch(/one-out\.log$/)
    expect(await pm.describe(id)).toHaveLength(1)
    expect(await pm.describe('nobody')).toEqual([])
  })

  test('stop ends, restart begins again, delete forgets', async () => {
    const [{ id, pid }] = await pm.start(talker, { name: 'one' })
    const [stopped] = await pm.stop('one')
    expect(stopped).toMatchObject({ id, status: 'stopped', pid: null })
    expect(alive(pid)).toBe(false)
    const [restarted] = await pm.restart(id)
    expect(restarted).toMatchObject({ id, status: 'online' })
    expect(restarted.pid).not.toBe(pid)
    const [deleted] = await pm.delete('one')
    expect(deleted.id).toBe(id)
    expect(alive(restarted.pid)).toBe(false)
    expect(await pm.list()).toEqual([])
  })

  test('scale adds and takes', async () => {
    await pm.start({ script: talker, name: 'many', instances: 1 })
    const count = async () => (await pm.list()).length
    await pm.scale('many', 3)
    expect(await count()).toBe(3)
    await pm.scale('many', '-1')
    expect(await count()).toBe(2)
    await pm.scale('many', '+2')
    expect(await count()).toBe(4)
    await expect(pm.scale('many', 4)).rejects.toMatchObject({ code: 'SAME_SIZE' })
    await expect(pm.scale('many', 'lots')).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('an ended process tells how', async () => {
    await pm.start(fixture('ender.js'), { name: 'done', autorestart: false, env: { CODE: 3 } })
    const ended = await until('it ended', async () => (await pm.list()).find(({ status }) => status === 'stopped'))
    expect(ended).toMatchObject({ exitCode: 3, exitSignal: null, pid: null })
  })

  test('application files: profile, selection, restart, stop by file', async () => {
    const file = fixture('pair.config.js')
    const started = await pm.start(file, { env: 'other' })
    expect(started.map(({ name }) => name).sort()).toEqual(['left', 'right'])
    expect((await pm.describe('left'))[0].env.WHO).toBe('other left')
    const again = await pm.restart(file, { only: 'left' })
    expect(again.map(({ name }) => name)).toEqual(['left'])
    expect((await pm.describe('left'))[0].env.WHO).toBe('left')
    await pm.stop(file)
    expect((await pm.list()).map(({ status }) => status)).toEqual(['stopped', 'stopped'])
  })

  test('a list of objects, and an object again', async () => {
    const apps = ['a', 'b'].map((name) => ({ name, script: talker }))
    const first = await pm.start(apps)
    expect(first.map(({ name }) => name).sort()).toEqual(['a', 'b'])
    const [again] = await pm.start(apps[0])
    expect(again.id).toBe(first.find(({ name }) => name === 'a').id)
    expect(again.restarts).toBe(1)
  })

  test('relative scripts start where the program is', async () => {
    const [{ name }] = await pm.start('__test__/fixtures/talker.js')
    expect(name).toBe('talker')
  })

  test('signals arrive', async () => {
    const [{ id }] = await pm.start(talker, { name: 'listener' })
    const lines = pm.logs('listener', { stream: 'out' })
    await until('it listens', async () => (await lines.next()).value.line === 'out of talker')
    const [asked] = await pm.sendSignal('SIGUSR2', 'listener')
    expect(asked.id).toBe(id)
    expect((await lines.next()).value.line).toBe('got SIGUSR2')
    lines.close()
    await expect(pm.sendSignal('SIGNOTHING', 'listener')).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('errors say what, and what next', async () => {
    await pm.start(talker, { name: 'one' })
    const failing = pm.stop('nobody')
    await expect(failing).rejects.toThrow(/nobody/)
    const error = await failing.catch((reason) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.any(String) })
    expect(error.stack).toContain('api.test.mjs')
    await expect(pm.start(talker, { name: 'one' })).rejects.toMatchObject({ code: 'ALREADY_RUNNING' })
    await expect(pm.start('./nowhere.js')).rejects.toMatchObject({ code: 'CONFIG', hint: expect.any(String) })
    await expect(pm.start({ script: talker, max_restarts: 'several' })).rejects.toMatchObject({ code: 'CONFIG' })
    await expect(pm.stop(undefined)).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('jobs say so, and when they run next', async () => {
    const [job] = await pm.start({ script: talker, name: 'one', job: true, cron: '0 0 1 1 *' })
    expect(job).toMatchObject({ job: true, status: 'stopped' })
    expect(job.nextRun).toBeGreaterThan(Date.now())
    const [app] = await pm.start({ script: talker, name: 'two' })
    expect(app).toMatchObject({ job: false, nextRun: null })
    expect(await pm.describe('two')).toMatchObject([{ cause: null, leftAlive: [] }])
  })

  test('force kills what does not mind a signal', async () => {
    const line = 'trap "" INT; echo deaf; while :; do sleep 1; done'
    await pm.start('/bin/sh', { name: 'stubborn', interpreter: 'none', args: ['-c', line], kill_timeout: '10m' })
    for await (const { line: said } of pm.logs('stubborn')) if (said === 'deaf') break
    const [stopped] = await pm.stop('stubborn', { force: true })
    expect(stopped).toMatchObject({ status: 'stopped', exitSignal: 9 })
  })

  test('force starts another copy', async () => {
    await pm.start(talker, { name: 'one' })
    await pm.start(talker, { name: 'one', force: true })
    expect((await pm.list()).map(({ name }) => name)).toEqual(['one', 'one'])
  })

  test('reset forgets the restarts', async () => {
    await pm.start(talker, { name: 'one' })
    expect((await pm.restart('one'))[0].restarts).toBe(1)
    await pm.reset('one')
    expect((await pm.list())[0].restarts).toBe(0)
  })

  test('ping tells who answers', async () => {
    const info = await pm.ping()
    expect(info).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/), processes: 0 })
    expect(alive(info.pid)).toBe(true)
  })
})
