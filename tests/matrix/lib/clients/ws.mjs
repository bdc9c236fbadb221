// Messages over websockets.

import { createRequire } from 'node:module'
import { connect, within } from './connection.mjs'

const require = createRequire(import.meta.url)

class Connection {
  clean = false

  constructor(socket, routes) {
    this.socket = socket
    this.routes = routes
    this.failed = false
    this.waiting = undefined
    socket.on('message', (text) => this.waiting?.resolve(JSON.parse(String(text))))
    socket.on('error', (error) => {
      this.failed = true
      this.waiting?.reject(error)
    })
    socket.on('close', (code) => {
      // 1006 without an error is an end of the stream without a word of the server's.
      this.clean = !this.failed
      this.waiting?.reject(new Error(`closed with ${code}`))
    })
  }

  get usable() {
    return this.socket.readyState === this.socket.constructor.OPEN
  }

  ask(ms) {
    const asked = new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.send(String(ms))
    })
    return within(asked, 'a message')
  }

  close() {
    this.socket.terminate()
  }
}

export const ws = {
  async open(where, routes = []) {
    const { WebSocket } = require('ws')
    const raw = await connect(where, routes)
    const socket = new WebSocket('ws://127.0.0.1/', { createConnection: () => raw })
    const opened = new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    try {
      await within(opened, 'the upgrade')
    } catch (error) {
      socket.terminate()
      throw error
    }
    return new Connection(socket, routes)
  },
}
