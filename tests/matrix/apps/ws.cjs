const { WebSocketServer } = require('ws')
const { whoami } = require('./whoami.cjs')

const server = new WebSocketServer({ port: Number(process.env.PORT) })
server.on('connection', (socket) => {
  socket.on('error', () => {})
  socket.on('message', async (ms) => socket.send(JSON.stringify(await whoami(ms))))
})
