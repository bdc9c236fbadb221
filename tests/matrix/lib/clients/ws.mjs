// Messages over websockets.

import { createRequire } from 'node:module'
import { connect, within } from './connection.mjs'

const require = createRequire(import.meta.url)

class Connection {
  constructor(socket, routes) {
    this.socket = socket
    this.routes = routes
    this.waiting = undefined
    socket.on('message', (text) => this.waiting?.resolve(JSON.parse(String(text))))
    let failed = false
    socket.on('error', (error) => {
      failed = true
      this.waiting?.reject(error)
    })
    this.ended = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.waiting?.reject(new Error(`closed with ${code}`))
        // 1006 without an error is an end of the stream without a word of the server's.
        resolve(!failed)
      })
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
