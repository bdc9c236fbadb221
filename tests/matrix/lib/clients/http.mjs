// HTTP/1.1 over TCP, TLS and unix sockets, one socket a connection.

import { Agent, request } from 'node:http'
import { connect, secure, within } from './connection.mjs'

class OneSocket extends Agent {
  constructor(socket) {
    super({ keepAlive: true, maxSockets: 1 })
    this.only = socket
  }

  createConnection() {
    return this.only
  }
}

class Connection {
  constructor(socket, routes) {
    this.socket = socket
    this.routes = routes
    this.agent = new OneSocket(socket)
    this.kept = true
    socket.once('end', () => {
      this.kept = false
    })
  }

  get usable() {
    return this.kept && !this.socket.destroyed
  }

  ask(ms, last) {
    const asked = new Promise((resolve, reject) => {
      const headers = last ? { connection: 'close' } : {}
      const sent = request({ agent: this.agent, host: '127.0.0.1', path: `/?ms=${ms}`, headers }, (response) => {
        this.kept &&= response.headers.connection !== 'close'
        read(response).then(resolve, reject)
      })
      sent.on('error', reject)
      sent.end()
    })
    return within(asked, 'a request')
  }

  close() {
    this.agent.destroy()
    this.socket.destroy()
  }
}

async function read(response) {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += chunk
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
  return JSON.parse(text)
}

const client = (finish) => ({
  async open(where, routes = []) {
    const socket = await connect(where, routes)
    return new Connection(await finish(socket), routes)
  },
})

export const http = client((socket) => socket)
export const https = client((socket) => secure(socket))
/** `where` has a path. */
export const unix = { ...http, local: true }
