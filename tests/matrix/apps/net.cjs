// A line protocol: each line is a number of milliseconds, each answer a line.
const net = require('node:net')
const readline = require('node:readline')
const { whoami } = require('./whoami.cjs')

const server = net.createServer((socket) => {
  socket.on('error', () => {})
  readline.createInterface({ input: socket }).on('line', async (line) => {
    socket.write(`${JSON.stringify(await whoami(line))}\n`)
  })
})
server.listen(process.env.PORT)
