// HTTP/2 over TLS, a session a connection.

import { constants, connect as session } from 'node:http2'
import { connect, Refused, secure, within } from './connection.mjs'

class Connection {
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
        stream.on('error', () => {})
        stream.on('close', () => (status === 200 && text ? resolve(JSON.parse(text)) : reject(ending(stream, status))))
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

const ending = ({ rstCode }, status) =>
  rstCode === constants.NGHTTP2_REFUSED_STREAM
    ? new Refused()
    : new Error(`stream ended with status ${status}, code ${rstCode}`)

export const http2 = {
  async open(where, routes = []) {
    const socket = await connect(where, routes)
    return new Connection(await secure(socket, { ALPNProtocols: ['h2'], servername: 'localhost' }), routes)
  },
}
