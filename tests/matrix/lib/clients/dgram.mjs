// A datagram each way.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { within } from './connection.mjs'

let lastId = 0

class Connection {
  usable = true
  routes = []

  constructor(socket, port) {
    this.socket = socket
    this.port = port
  }

  async ask(ms) {
    lastId += 1
    const id = String(lastId)
    const answered = once(this.socket, 'message')
    this.socket.send(`${id} ${ms}`, this.port, '127.0.0.1')
    const [message] = await within(answered, 'a datagram')
    const { id: of, ...who } = JSON.parse(String(message))
    if (of !== id) throw new Error(`the answer of ${of} instead of ${id}`)
    return who
  }

  close() {
    this.socket.close()
  }
}

export const dgram = {
  async open({ port }) {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new Connection(socket, port)
  },
}
