// What has to hold for an app, one check after the other. Each gives a few words about what it saw, or throws.

import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startOf } from '../../../benches/lib/proc.mjs'
import { until } from '../../../benches/lib/wait.mjs'
import { Load } from './load.mjs'

const WORKERS = 2
/** Enough to have connections wait for workers that are about to be killed. */
const BUSY = 6
const EVERY = { every: 20 }

const expect = (holds, what) => {
  if (!holds) throw new Error(what)
}

/** Asks on a connection of its own. */
async function visit({ app, where }, from) {
  const connection = await app.client.open({ ...where, from })
  try {
    return await connection.ask(0, true)
  } finally {
    connection.close()
  }
}

// Where the client's address decides, others have to ask.
const addressOf = (app, at) => (app.sticky ? `127.0.0.${2 + at}` : undefined)

/** Until exactly these answer; for who lets the system choose, until one of them does. */
async function answering(context, pids) {
  const seen = new Set()
  let at = 0
  const all = async () => {
    const answer = await visit(context, addressOf(context.app, at++ % 32)).catch(() => undefined)
    if (answer && pids.includes(answer.pid)) seen.add(answer.pid)
    return context.app.uneven ? seen.size > 0 : seen.size === pids.length
  }
  await until(all, `only ${[...seen].join(', ') || 'nobody'} of ${pids.join(', ')} answers`, { every: 5 })
}

async function workers(context) {
  const both = async () => {
    const pids = await context.home.pids()
    return pids.length === WORKERS && pids
  }
  return until(both, 'there are not two workers online', EVERY)
}

export async function start(context) {
  await context.start()
  const pids = await workers(context)
  await answering(context, pids)
  const { version } = await visit(context)
  const { kind, version: wanted } = context.runtime
  expect(version === (kind === 'bun' ? `bun ${wanted}` : `v${wanted}`), `it runs on ${version}`)
  return version
}

export async function spread(context) {
  const counts = new Map()
  const bySource = new Map()
  for (let at = 0; at < 60; at += 1) {
    const from = addressOf(context.app, at % 30)
    const { pid } = await visit(context, from)
    counts.set(pid, (counts.get(pid) ?? 0) + 1)
    if (from) bySource.set(from, (bySource.get(from) ?? new Set()).add(pid))
  }
  const told = [...counts.values()].sort((a, b) => b - a).join(' : ')
  if (context.app.sticky) {
    expect(counts.size === WORKERS, 'only one worker answers')
    expect(
      [...bySource.values()].every((pids) => pids.size === 1),
      'a client has been with two workers',
    )
  } else if (!context.uneven) {
    expect(counts.size === WORKERS && Math.min(...counts.values()) >= 24, `shared as ${told}`)
  }
  return told
}

export async function kept(context) {
  const connection = await context.app.client.open(context.where)
  try {
    const { pid } = await connection.ask(0)
    for (let time = 1; time < 20; time += 1) {
      expect(connection.usable, `the connection was closed after ${time} requests`)
      const answer = await connection.ask(0)
      expect(answer.pid === pid || context.app.uneven, `two workers answered on one connection`)
    }
    return '20 requests'
  } finally {
    connection.close()
  }
}

async function underLoad(context, lanes, work) {
  const load = new Load(context.app.client, context.where, lanes)
  try {
    await until(() => load.answered > 20, 'the load is not answered', EVERY)
    const told = await work(load)
    const before = load.answered
    await until(() => load.answered > before + 20, 'the load is not answered any more', EVERY)
    return told
  } finally {
    await load.stop()
  }
}

export async function reload(context) {
  let load
  await underLoad(context, context.lanes, async (running) => {
    load = running
    for (let time = 0; time < context.options.reloads; time += 1) {
      const before = await workers(context)
      await context.home.rpm('reload', 'app')
      const after = await workers(context)
      expect(
        after.every((pid) => !before.includes(pid)),
        'a worker was not replaced',
      )
      await answering(context, after)
      await until(() => !before.some(startOf), 'a worker that was replaced lives on', EVERY)
    }
  })
  const closed = load.closed ? `, ${load.closed} closed` : ''
  expect(load.failures.length === 0, `${load.told()}, of ${load.answered}`)
  return `${context.options.reloads} reloads, ${load.answered} requests${closed}`
}

/** The daemon dies. What it may lose are the connections that it says it has lost. */
export async function daemon(context) {
  const pids = await workers(context)
  let load
  let lost = 0
  await underLoad(context, context.app.lanes, async (running) => {
    load = running
    for (let time = 0; time < context.options.daemons; time += 1) {
      const { pid, generation } = await context.home.daemon()
      process.kill(pid, 'SIGKILL')
      const next = async () => {
        const now = await context.home.daemon()
        return now.generation > generation && now
      }
      lost += (await until(next, 'no daemon comes back', EVERY)).lost_connections
      await answering(context, pids)
    }
  })
  expect(
    (await workers(context)).every((pid) => pids.includes(pid)),
    'a worker was not taken over',
  )
  expect(load.failures.length <= lost, `${load.told()}, of ${load.answered}; the daemon knows of ${lost}`)
  return `${context.options.daemons} deaths, ${load.answered} requests, ${load.failures.length} lost`
}

/**
 * Workers die at any time. What fails has to be in the notes of one that was killed, noted after the client began to
 * connect; whatever else there is, nobody had accepted, and it has to be answered.
 */
export async function kills(context) {
  await context.restart({ recorded: !context.uncounted })
  await answering(context, await workers(context))
  const killed = []
  let load
  await underLoad(context, { ...context.app.lanes, busy: BUSY }, async (running) => {
    load = running
    for (let time = 0; time < context.options.kills; time += 1) {
      const pids = await workers(context)
      // At any moment of what the app does for a request.
      await sleep(Math.random() * 30)
      const victim = pids[Math.floor(Math.random() * pids.length)]
      process.kill(victim, 'SIGKILL')
      killed.push(victim)
      await until(async () => !(await context.home.pids()).includes(victim), 'a killed worker is still listed', EVERY)
      await workers(context)
    }
    await answering(context, await workers(context))
  })
  const told = `${killed.length} kills, ${load.answered} requests, ${load.failures.length} failed`
  if (context.uncounted) {
    const most = killed.length * load.lanes.length
    expect(load.failures.length <= most, `${told}: more than ${most}`)
    return told
  }
  const handed = killed.flatMap((pid) => context.home.handed(pid))
  const taken = ({ port, at }) => handed.some((one) => one.port === port && one.at >= at)
  const unexplained = load.failures.filter(({ routes }) => !routes.some(taken))
  expect(unexplained.length === 0, `${told}; nobody had accepted ${load.told(unexplained)}`)
  return `${told}, all accepted`
}

export async function stop(context) {
  const pids = await workers(context)
  await context.home.rpm('stop', 'app')
  expect(!pids.some(startOf), 'a worker lives on')
  if (context.where.path) expect(!existsSync(context.where.path), 'its socket is still there')
  else if (context.app.name !== 'dgram') {
    const refused = await context.app.client.open(context.where).then(
      (connection) => connection.close(),
      (error) => error,
    )
    expect(refused instanceof Error, 'its port still takes connections')
  }
  await context.home.rpm('delete', 'app')
  return 'nothing left'
}

/** In the order in which they are made; `start` and `stop` belong to all of them. */
export const CHECKS = { start, spread, kept, reload, daemon, kills, stop }
