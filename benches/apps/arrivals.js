// node arrivals.js <port> <a second> <seconds>: clients that come when they come, however long others wait, each on a
// connection of its own and from one of many addresses. Prints the times they had to wait, in milliseconds, sorted.
const http = require('node:http')

const [port, rate, seconds] = process.argv.slice(2).map(Number)
const waits = []
let failed = 0
let open = 0
let sent = 0
const began = performance.now()

const client = (due) => {
  open++
  const ended = () => {
    open--
    if (sent >= rate * seconds && !open) {
      waits.sort((a, b) => a - b)
      process.stdout.write(JSON.stringify({ waits, failed }))
    }
  }
  const localAddress = `127.0.${1 + ((sent >> 8) % 8)}.${1 + (sent % 250)}`
  const request = http.get({ host: '127.0.0.1', port, agent: false, localAddress }, (response) => {
    response.resume()
    response.on('end', () => {
      waits.push(performance.now() - due)
      ended()
    })
  })
  request.on('error', () => {
    failed++
    ended()
  })
}

const timer = setInterval(() => {
  const due = began + (sent * 1000) / rate
  for (let at = due; at <= performance.now() && sent < rate * seconds; at = began + (sent * 1000) / rate) {
    client(at)
    sent++
  }
  if (sent >= rate * seconds) clearInterval(timer)
}, 1)
