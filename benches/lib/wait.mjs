// Waiting for facts, never for time alone.
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

export const now = () => performance.now()

// Asks until the answer is truthy, and gives it. `every` 0 asks in each turn of the loop.
export const until = async (ask, what, { timeout = 30_000, every = 2 } = {}) => {
  const deadline = now() + timeout
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (now() > deadline) throw new Error(`after ${timeout} ms: ${what}`)
    await (every ? sleep(every) : turn())
  }
}

export const timed = async (work) => {
  const begun = now()
  await work()
  return now() - begun
}

export const freePort = async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

// Which process answers on `port`: the pid in the body of examples/http.js, or undefined.
export const answering = (port) =>
  new Promise((resolve) => {
    let text = ''
    const socket = net.connect({ port, host: '127.0.0.1' })
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n'))
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      const pid = text.match(/hello from (\d+)/)
      resolve(pid ? Number(pid[1]) : undefined)
    })
  })
