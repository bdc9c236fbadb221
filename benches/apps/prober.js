// A client with several lanes, each a new connection after the other; tells failures, and the longest time without an answer.
const net = require('node:net')

const [port, lanes] = process.argv.slice(2).map(Number)
const seen = { served: 0, failed: 0, gap: 0 }
let last
let stopping = false

const request = () =>
  new Promise((resolve) => {
    let text = ''
    const socket = net.connect({ port, host: '127.0.0.1' })
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n'))
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200') && text.includes('hello from')))
  })

const note = (served) => {
  const now = performance.now()
  if (last !== undefined) seen.gap = Math.max(seen.gap, now - last)
  if (served) {
    seen.served++
    last = now
  } else {
    seen.failed++
  }
}

const lane = async () => {
  while (!stopping) note(await request())
}

process.on('message', () => {
  stopping = true
})

request().then(async () => {
  process.send('begun')
  const begun = performance.now()
  last = begun
  await Promise.all(Array.from({ length: lanes }, lane))
  process.send({ ...seen, ms: performance.now() - begun })
  process.disconnect()
})
