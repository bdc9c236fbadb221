// socket.io, over the transports that it is told.

import { Agent } from 'node:http'
import { createRequire } from 'node:module'
import { Refused, within } from './connection.mjs'

const require = createRequire(import.meta.url)

/** Notes the sockets that the client opens. */
class Noting extends Agent {
  constructor(from, routes) {
    super({ keepAlive: true, localAddress: from })
    this.routes = routes
  }

  createConnection(...args) {
    const at = process.hrtime.bigint()
    const socket = super.createConnection(...args)
    socket.once('connect', () => this.routes.push({ port: socket.localPort, at }))
    return socket
  }
}

/**
 * Polling takes several connections, and a session is one worker's: when that one leaves between two of them, another one
 * answers with 400, as it doesn't know the session, and clients begin anew.
 */
const isUnknownSession = ({ description }) => description === 400

class Connection {
  constructor(socket, agent, routes) {
    this.socket = socket
    this.agent = agent
    this.routes = routes
    this.waiting = undefined
    this.ended = new Promise((resolve) => {
      socket.on('disconnect', (reason) => {
        this.waiting?.(new Error(`disconnected: ${reason}`))
        resolve(reason === 'io server disconnect' || reason === 'transport close')
      })
    })
  }

  get usable() {
    return this.socket.connected
  }

  ask(ms) {
    const asked = new Promise((resolve, reject) => {
      this.waiting = reject
      this.socket.emit('who', ms, resolve)
    })
    return within(asked, 'an event')
  }

  close() {
    this.socket.disconnect()
    this.agent.destroy()
  }
}

export const socketIo = (transports) => ({
  async open({ port, from }, routes = []) {
    const { io } = require('socket.io-client')
    const agent = new Noting(from, routes)
    const socket = io(`http://127.0.0.1:${port}`, { transports, agent, forceNew: true, reconnection: false })
    const connected = new Promise((resolve, reject) => {
      socket.once('connect', resolve).once('connect_error', reject)
    })
    try {
      await within(connected, 'connecting')
    } catch (error) {
      socket.disconnect()
      agent.destroy()
      throw isUnknownSession(error) ? new Refused() : error
    }
    return new Connection(socket, agent, routes)
  },
})
