import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { backends, empty } from './support/backends.mjs'
import { fixture } from './support/files.mjs'
import { until } from './support/wait.mjs'

const talker = fixture('talker.js')

describe.each(backends)('streams of %s', (_name, open) => {
  let pm
  let end
  beforeAll(async () => {
    ;({ pm, end } = await open())
  })
  afterEach(() => empty(pm))
  afterAll(() => end?.())

  /** Takes items until `enough`. */
  async function take(stream, enough) {
    const items = []
    for await (const item of stream) {
      items.push(item)
      if (enough(items)) break
    }
    return items
  }

  test('lines come with their place', async () => {
    const [{ id }] = await pm.start(talker, { name: 'placed' })
    const lines = await take(pm.logs('placed'), (items) => items.length === 2)
    const byStream = Object.fromEntries(lines.map((line) => [line.stream, line]))
    expect(byStream.out).toMatchObject({ id, name: 'placed', line: 'out of talker' })
    expect(byStream.err).toMatchObject({ id, name: 'placed', line: 'err of talker' })
    for (const { at } of lines) expect(at === null || Math.abs(Date.now() - at) < 60_000).toBe(true)
  })

  test('the past alone', async () => {
    const [{ outLog }] = await pm.start(talker, { name: 'past' }).then(() => pm.describe('past'))
    await until('it is written', () => readFileSync(outLog, 'utf8').includes('out of talker'))
    const lines = await take(pm.logs('past', { follow: false, stream: 'out' }), () => false)
    expect(lines.map(({ line }) => line)).toEqual(['out of talker'])
  })

  test('the future alone', async () => {
    await pm.start(talker, { name: 'future' })
    const [{ outLog }] = await pm.describe('future')
    await until('it is written', () => readFileSync(outLog, 'utf8').includes('out of talker'))
    const lines = pm.logs('future', { lines: 0, stream: 'out' })
    await lines.ready()
    await pm.sendSignal('SIGUSR2', 'future')
    expect((await lines.next()).value).toMatchObject({ line: 'got SIGUSR2', at: expect.any(Number) })
    expect(lines.dropped).toBe(0)
    lines.close()
  })

  test('events tell what happens and who wanted it', async () => {
    const events = pm.events()
    await events.ready()
    const taking = take(events, (items) => items.some(({ event }) => event === 'delete'))
    await pm.start(talker, { name: 'one' })
    await pm.delete('one')
    const seen = await taking
    expect(seen.map(({ event }) => event)).toEqual(expect.arrayContaining(['online', 'exit', 'delete']))
    for (const { at, process } of seen) {
      expect(process.name).toBe('one')
      expect(Math.abs(Date.now() - at)).toBeLessThan(60_000)
    }
    expect(seen.at(-1).manually).toBe(true)
  })

  test('close ends a wait', async () => {
    const events = pm.events()
    await events.ready()
    const waiting = events.next()
    events.close()
    expect(await waiting).toEqual({ value: undefined, done: true })
    expect(await events.next()).toEqual({ value: undefined, done: true })
  })

  test('return before the beginning ends it too', async () => {
    const events = pm.events()
    expect(await events.return()).toMatchObject({ done: true })
    expect(await events.next()).toMatchObject({ done: true })
  })

  test('await using closes', async () => {
    const events = pm.events()
    await events[Symbol.asyncDispose]()
    expect(await events.next()).toMatchObject({ done: true })
  })

  test('an error reaches the one who iterates', async () => {
    await expect(pm.logs('').next()).rejects.toMatchObject({ code: 'INVALID' })
  })
})
