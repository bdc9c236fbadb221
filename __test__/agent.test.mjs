// The agent reads a worker's channel in pieces: whatever comes, and however it is cut, the worker hears what it was sent.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ROOT, remove, temporary } from './support/files.mjs'

const AGENT = path.join(ROOT, 'src', 'process', 'agent.cjs')
const PIECE = 256

let folder
beforeAll(() => {
  folder = temporary()
})
afterAll(() => remove(folder))

const ECHO = `
  process.on('message', (message) => process.send({ heard: message }))
  setInterval(() => {}, 1000)
`

const running = new Set()
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** A worker whose other end of the channel is ours, as bytes. */
function worker(program = ECHO) {
  // Node's cluster begins for a program in a file only.
  const file = path.join(folder, `${Math.random()}.cjs`)
  writeFileSync(file, program)
  const child = spawn(process.execPath, [file], {
    env: {
      ...process.env,
      NODE_CHANNEL_FD: '3',
      NODE_CHANNEL_SERIALIZATION_MODE: 'json',
      NODE_OPTIONS: `--require "${AGENT}"`,
      NODE_UNIQUE_ID: '1',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return { child, channel: child.stdio[3], lines: lines(child.stdio[3]) }
}

async function* lines(stream) {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()
    yield* parts.map((part) => JSON.parse(part))
  }
}

async function next(of, wanted) {
  for (;;) {
    const { done, value } = await of.next()
    if (done) throw new Error('the channel has ended')
    if (wanted(value)) return value
  }
}

const heard = async ({ lines }) => (await next(lines, (message) => 'heard' in message)).heard
const filledUp = (message) => {
  const text = JSON.stringify(message)
  const length = Buffer.byteLength(text) + 1
  return `${text}${' '.repeat((PIECE - (length % PIECE)) % PIECE)}\n`
}

describe('the agent, reading in pieces', () => {
  test('it is at work', async () => {
    const { lines } = worker()
    expect(await next(lines, ({ cmd }) => cmd === 'NODE_RPM_AGENT')).toBeTruthy()
  })

  test.each([0, 1, 200, 255, 256, 257, 5000, 1_000_000])('a message of %i characters comes whole', async (length) => {
    const one = worker()
    const messages = ['ä'.repeat(length), length, 'x'.repeat(length)]
    one.channel.write(messages.map(filledUp).join(''))
    for (const message of messages) expect(await heard(one)).toBe(message)
  })

  test('lines that are cut anywhere come whole', async () => {
    const one = worker()
    const lines = Array.from({ length: 60 }, (_, at) => filledUp('y'.repeat(at * 17)))
    let cut = 0
    for (const [at, line] of lines.entries()) {
      const following = lines[at + 1] ?? ''
      const some = (at * 101) % (following.length || 1)
      // With the first of them the worker has the beginning of the second.
      one.channel.write(line.slice(cut) + following.slice(0, some))
      expect(await heard(one)).toBe(JSON.parse(line))
      cut = some
    }
  })

  test('lines that are not filled up come whole too', async () => {
    const one = worker()
    const messages = Array.from({ length: 300 }, (_, at) => 'z'.repeat((at * 31) % 700))
    one.channel.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
    for (const message of messages) expect(await heard(one)).toBe(message)
  })

  test('the end of the channel is heard', async () => {
    const one = worker()
    one.channel.write(filledUp('first'))
    expect(await heard(one)).toBe('first')
    one.channel.destroy()
    const [code] = await once(one.child, 'exit')
    // Node's cluster ends it.
    expect(code).toBe(0)
  })

  test('the app hears its own errors, and its channel can be closed by it', async () => {
    const one = worker(`
      process.on('uncaughtException', (error) => process.send({ heard: error.message }))
      process.on('message', (message) => {
        if (message === 'leave') process.disconnect()
        else throw new Error(message)
      })
    `)
    one.channel.write(filledUp('out of order'))
    expect(await heard(one)).toBe('out of order')
    one.channel.write(filledUp('leave'))
    const [code] = await once(one.child, 'exit')
    expect(code).toBe(0)
  })
})
