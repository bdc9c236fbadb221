// What clients of all protocols have in common. A client is `open(where)`, which gives a connection:
//   ask(ms, last)  what the app answers after `ms`; `last` says that nothing will follow
//   usable         whether there can be another `ask`
//   ended          of one that may stand for long: told once it is closed, true when that was in the way its protocol has
//   routes         the `{ port, at }` of the sockets it has opened, to be found again in a worker's notes
//   close()

import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'

/** Whoever waits longer is not served. */
export const PATIENCE_MS = 10_000

/** The server has not looked at it, and says so: it is asked again, elsewhere. Protocols that have a word for that mean it. */
export class Refused extends Error {}

export function within(promise, what, limit = PATIENCE_MS) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${limit} ms`)), limit)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** A connected socket; its route is noted even if it fails later. */
export async function connect({ port, path, from }, routes) {
  const at = process.hrtime.bigint()
  const socket = net.connect(path ? { path } : { port, host: '127.0.0.1', localAddress: from })
  // Whoever uses it listens to its errors; this is for those that come before or after.
  socket.on('error', () => {})
  await within(once(socket, 'connect'), 'connecting')
  if (!path) routes.push({ port: socket.localPort, at })
  socket.setNoDelay(true)
  return socket
}

export async function secure(socket, options) {
  // The certificate is one of the tests' own, for nobody else.
  const secured = tls.connect({ socket, rejectUnauthorized: false, ...options })
  secured.on('error', () => {})
  try {
    await within(Promise.race([once(secured, 'secureConnect'), closed(socket)]), 'the TLS handshake')
  } catch (error) {
    secured.destroy()
    throw error
  }
  return secured
}

async function closed(socket) {
  await once(socket, 'close')
  throw new Error('closed during the TLS handshake')
}
