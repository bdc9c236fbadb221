// A line each way over plain TCP.

import { connect, within } from './connection.mjs'

class Connection {
  constructor(socket, routes) {
    this.socket = socket
    this.routes = routes
    this.waiting = undefined
    let rest = ''
    socket.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      for (const line of lines) this.waiting?.resolve(JSON.parse(line))
    })
    let clean = false
    socket.once('end', () => {
      clean = true
    })
    socket.once('error', (error) => this.waiting?.reject(error))
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        this.waiting?.reject(new Error('closed without an answer'))
        resolve(clean)
      })
    })
  }

  get usable() {
    return !this.socket.readableEnded && !this.socket.destroyed
  }

  ask(ms) {
    const asked = new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(`${ms}\n`)
    })
    return within(asked, 'a line')
  }

  close() {
    this.socket.destroy()
  }
}

export const net = {
  async open(where, routes = []) {
    return new Connection(await connect(where, routes), routes)
  },
}
