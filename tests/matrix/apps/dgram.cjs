const dgram = require('node:dgram')
const { whoami } = require('./whoami.cjs')

const socket = dgram.createSocket('udp4')
socket.on('message', async (message, { port, address }) => {
  const [id, ms] = String(message).split(' ')
  socket.send(JSON.stringify({ id, ...(await whoami(ms)) }), port, address)
})
socket.bind(Number(process.env.PORT), '127.0.0.1')
