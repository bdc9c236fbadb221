// The primary of an embedded cluster has a thread of its own: what its program does with the event loop is nothing to it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { fixture, remove, temporary } from './support/files.mjs'
import { alive, freePort, until } from './support/wait.mjs'

const cleanups = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** The pid of who answers on a connection of its own. */
const ask = (port) =>
  new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', agent: false, timeout: 10_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject).on('end', () => resolve(Number(text)))
    })
    request.on('timeout', () => request.destroy(new Error('nothing within 10 s'))).on('error', reject)
  })

/** Clients that ask one request after the other; who has answered last, and what has failed. */
function load(port, lanes) {
  const seen = { pids: [], failures: [], stopping: false }
  const lane = async () => {
    while (!seen.stopping) {
      await ask(port).then(
        (pid) => seen.pids.push(pid),
        (error) => seen.failures.push(error.code ?? error.message),
      )
    }
  }
  const running = Promise.all(Array.from({ length: lanes }, lane))
  cleanups.push(() => {
    seen.stopping = true
    return running
  })
  return seen
}

/** A program with two workers on a port; gives what it says, one message after the other. */
async function host(folder, port) {
  const child = fork(fixture('host.cjs'), [folder, String(port)], { execArgv: [] })
  const ended = once(child, 'exit')
  cleanups.push(async () => {
    writeFileSync(path.join(folder, 'go'), '')
    if (child.connected) child.disconnect()
    await ended
  })
  const said = async () => (await once(child, 'message'))[0]
  const { started, failed } = await said()
  expect(failed).toBeUndefined()
  return { child, said, started }
}

/** Two workers that answer now, none of which is in `before`. */
async function successors(seen, before) {
  const from = seen.pids.length
  const others = () => [...new Set(seen.pids.slice(from))].filter((pid) => !before.includes(pid))
  await until('two others answer', () => others().length === 2 && !before.some(alive))
  return others()
}

test('an embedded cluster serves, reloads and mends itself while its program stands still', async () => {
  const folder = temporary()
  cleanups.push(() => remove(folder))
  const port = await freePort()
  const { child, said, started } = await host(folder, port)
  const first = new Set()
  await until('both answer', async () => first.add(await ask(port)).size === started.length)
  const lanes = 3
  const seen = load(port, lanes)

  const word = said()
  child.send('reload, and stand still')
  await until('it stands still', () => existsSync(path.join(folder, 'still')))
  const begun = performance.now()
  const reloaded = await successors(seen, started)
  expect(seen.failures).toEqual([])

  process.kill(reloaded[0], 'SIGKILL')
  await successors(seen, [...started, reloaded[0]])
  // What the killed one had taken is lost with it.
  expect(seen.failures.length).toBeLessThanOrEqual(lanes)

  const served = seen.pids.length
  await until('two seconds have passed', () => performance.now() - begun > 2000 && seen.pids.length > served + 100)
  writeFileSync(path.join(folder, 'go'), '')
  const { stood, turned, reloaded: told } = await word
  expect(stood).toBeGreaterThan(2000)
  expect(turned).toBe(0)
  // Whether it tells of the killed one or of the one after it, depends on which came first.
  expect(told).toHaveLength(2)
  expect(told).toContain(reloaded[1])
})
