// A line protocol: each line is a number of milliseconds, each answer a line.
const net = require('node:net')
const { whoami } = require('./whoami.cjs')

const server = net.createServer((socket) => {
  let rest = ''
  socket.on('error', () => {})
  socket.setEncoding('utf8').on('data', async (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) socket.write(`${JSON.stringify(await whoami(line))}\n`)
  })
})
server.listen(process.env.PORT)
