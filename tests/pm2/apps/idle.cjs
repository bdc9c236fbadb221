// Runs until it is stopped, and says back what it is told.

process.on('message', (message) => process.send({ type: 'heard', data: message }))
process.stdin.on('data', (text) => process.send({ type: 'line', data: String(text) }))
setInterval(() => {}, 1000)
