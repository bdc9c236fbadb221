// HTTP/2 over TLS, a session a connection.

import { connect as session } from 'node:http2'
import { connect, secure, within } from './connection.mjs'

class Connection {
  clean = true

  constructor(socket, routes) {
    this.routes = routes
    this.leaving = false
    this.session = session('https://localhost', { createConnection: () => socket })
    this.session.on('error', () => {})
    this.session.on('goaway', () => {
      this.leaving = true
    })
  }

  get usable() {
    return !this.leaving && !this.session.closed && !this.session.destroyed
  }

  ask(ms) {
    return within(
      new Promise((resolve, reject) => {
        const stream = this.session.request({ ':path': `/?ms=${ms}` })
        let status
        let text = ''
        stream.setEncoding('utf8')
        stream.on('response', (headers) => {
          status = headers[':status']
        })
        stream.on('data', (chunk) => {
          text += chunk
        })
        stream.on('error', reject)
        stream.on('close', () => (status === 200 && text ? resolve(JSON.parse(text)) : reject(refusal(stream, status))))
        stream.end()
      }),
      'a request',
    )
  }

  close() {
    this.session.close()
    this.session.destroy()
  }
}

const refusal = (stream, status) => new Error(`stream ended with status ${status}, code ${stream.rstCode}`)

export const http2 = {
  async open(where, routes = []) {
    const socket = await connect(where, routes)
    return new Connection(await secure(socket, { ALPNProtocols: ['h2'], servername: 'localhost' }), routes)
  },
}
