// Clients that go on asking while something happens to the app, and an account of what became of each request.
//
//   fresh     a connection a request
//   kept      request after request on a connection, as long as the server keeps it
//   slow      as fresh, but the app takes a second
//   busy      as fresh, but the app's event loop stands still for a while: what comes to that worker has to wait
//   standing  a connection that stays, and asks now and then; it may be closed, but in the way that its protocol has

import { setTimeout as sleep } from 'node:timers/promises'
import { Refused, within } from './clients/connection.mjs'

const SLOW_MS = 1000
const BUSY_MS = 20
const STANDING_MS = 20

export class Load {
  answered = 0
  closed = 0
  failures = []
  answers = new Map()
  stopping = false
  lanes = []

  times = { slow: SLOW_MS, busy: -BUSY_MS }

  /** `lanes` has a number of clients for each kind. */
  constructor(client, where, lanes) {
    Object.assign(this, { client, where })
    for (const [kind, count] of Object.entries(lanes)) {
      for (let lane = 0; lane < count; lane += 1) this.lanes.push(this.lane(kind))
    }
  }

  async lane(kind) {
    while (!this.stopping) {
      const routes = []
      try {
        await this.visit(kind, routes)
      } catch (error) {
        if (error instanceof Refused) continue
        this.failures.push({ kind, reason: error.code ?? error.message, routes })
        // Where nobody listens, a client that asks at once asks a thousand times.
        await sleep(5)
      }
    }
  }

  /** One connection, from its beginning to its end. */
  async visit(kind, routes) {
    const connection = await this.client.open(this.where, routes)
    try {
      if (kind === 'standing') return await this.stand(connection)
      const once = kind !== 'kept'
      do {
        this.note(await connection.ask(this.times[kind] ?? 0, once))
      } while (!once && !this.stopping && connection.usable)
    } finally {
      connection.close()
    }
  }

  async stand(connection) {
    try {
      while (!this.stopping && connection.usable) {
        this.note(await connection.ask(0))
        await sleep(STANDING_MS)
      }
      if (this.stopping) return
    } catch (error) {
      // What was asked into a connection that is being closed in order, nobody has promised to answer.
      if (!(await within(connection.ended, 'the end'))) throw error
      this.closed += 1
      return
    }
    if (!(await within(connection.ended, 'the end'))) throw new Error('cut')
    this.closed += 1
  }

  note(who) {
    this.answered += 1
    this.answers.set(who.pid, (this.answers.get(who.pid) ?? 0) + 1)
  }

  async stop() {
    this.stopping = true
    await Promise.all(this.lanes)
    return this
  }

  /** How many failed, by kind and reason. */
  told(failures = this.failures) {
    const counts = new Map()
    for (const { kind, reason } of failures)
      counts.set(`${kind}: ${reason}`, (counts.get(`${kind}: ${reason}`) ?? 0) + 1)
    return [...counts].map(([what, count]) => `${count} x ${what}`).join(', ')
  }
}
