const { createServer } = require('node:http')
const { Server } = require('socket.io')
const { whoami } = require('./whoami.cjs')

const server = createServer()
new Server(server).on('connection', (socket) => {
  socket.on('who', async (ms, answer) => answer(await whoami(ms)))
})
server.listen(process.env.PORT)
