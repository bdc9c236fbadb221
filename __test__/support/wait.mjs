// Waiting for facts, never for time.

import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Asks `check` until it gives something true, and gives that. */
export async function until(what, check, limit = 20_000) {
  const deadline = performance.now() + limit
  let last
  while (performance.now() < deadline) {
    try {
      const value = await check()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    await pause(20)
  }
  throw new Error(`${what}: not within ${limit} ms; last seen: ${last?.stack ?? JSON.stringify(last)}`)
}

/** Whether a process runs. One that has ended and was not collected by its parent yet doesn't. */
export function alive(pid) {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false
    throw error
  }
}

/** The children of a process that run a program of that name. */
export function children(parent, name) {
  const numbers = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return numbers.map(Number).filter((pid) => {
    try {
      const [, command, ppid] = /^\d+ \((.*)\) . (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      return Number(ppid) === parent && command === name
    } catch {
      return false
    }
  })
}

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
