// A client whose daemon dies: nothing of it shows but the daemon's own account.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { backends } from './support/backends.mjs'
import { fixture } from './support/files.mjs'
import { alive, children, freePort, until } from './support/wait.mjs'

const talker = fixture('talker.js')
const [, openDaemon] = backends.find(([name]) => name === 'the daemon')

let pm
let end
beforeAll(async () => {
  ;({ pm, end } = await openDaemon())
})
afterAll(() => end?.())

const outline = (list) => list.map(({ id, name, pid, restarts, status }) => ({ id, name, pid, restarts, status }))

async function killDaemon() {
  const { pid } = await pm.ping()
  process.kill(pid, 'SIGKILL')
  await until(`the daemon ${pid} is dead`, () => !alive(pid))
}

/** Runs `body` while no daemon is there: the guardian that would start one stands still. */
async function withoutDaemon(body) {
  const { guardian } = await pm.ping()
  process.kill(guardian.pid, 'SIGSTOP')
  try {
    await killDaemon()
    return await body()
  } finally {
    process.kill(guardian.pid, 'SIGCONT')
  }
}

test('apps run on, and calls go on with the next daemon', async () => {
  await pm.start({ script: talker, name: 'plain', instances: 2, exec_mode: 'fork' })
  await pm.start({ script: fixture('http.js'), name: 'web', instances: 2, env: { PORT: await freePort() } })
  const before = await pm.list()
  for (let round = 0; round < 3; round += 1) {
    await killDaemon()
    expect(outline(await pm.list())).toEqual(outline(before))
  }
  await pm.delete('all')
})

test('a daemon says who keeps it, and what became of the one before it', async () => {
  const before = await pm.ping()
  expect(before.guardian).toEqual({
    pid: expect.any(Number),
    version: before.version,
    startedAt: expect.any(Number),
    orphans: expect.any(Number),
  })
  const killed = Date.now()
  await killDaemon()
  const after = await pm.ping()
  expect(after.pid).not.toBe(before.pid)
  expect(after).toMatchObject({
    version: before.version,
    home: before.home,
    generation: before.generation + 1,
    guardian: { pid: before.guardian.pid, startedAt: before.guardian.startedAt },
    lastDeath: { generation: before.generation, cause: 'was killed by SIGKILL' },
    lastUpdate: null,
    lostConnections: 0,
  })
  expect(after.lastDeath.at).toBeGreaterThanOrEqual(killed)
  expect(after.startedAt).toBeGreaterThanOrEqual(after.lastDeath.at)
})

test('what is called while there is no daemon is done once there is one, and once', async () => {
  const calls = await withoutDaemon(() => ({
    started: pm.start({ script: talker, name: 'gap', instances: 2, exec_mode: 'fork' }),
    listed: pm.list(),
  }))
  const started = await calls.started
  expect(started.map(({ name, status }) => [name, status])).toEqual([
    ['gap', 'online'],
    ['gap', 'online'],
  ])
  expect(Array.isArray(await calls.listed)).toBe(true)
  expect(outline(await pm.list())).toEqual(outline(started))
  const { guardian } = await pm.ping()
  const pids = started.map(({ pid }) => pid)
  expect(children(guardian.pid, 'node').sort()).toEqual(pids.sort())
  await pm.delete('all')
})

test('a call that is under way when the daemon dies is carried out once', async () => {
  const waiting = pm.start({ script: talker, name: 'cut', instances: 4, exec_mode: 'fork' })
  await killDaemon()
  const started = await waiting
  expect(started.map(({ name }) => name)).toEqual(['cut', 'cut', 'cut', 'cut'])
  const listed = await until('all of them run', async () => {
    const list = await pm.list()
    return list.every(({ status }) => status === 'online') && list
  })
  expect(listed.map(({ id, name }) => [id, name])).toEqual(started.map(({ id, name }) => [id, name]))
  await pm.delete('all')
})
