// The usual program with tx2: metrics, an action, an event, an issue.

const tx2 = require('tx2')

tx2.metric('Open', () => 42)
tx2.counter('Hits').inc()
tx2.action('double', (number, reply) => reply({ doubled: Number(number) * 2 }))
tx2.action('speak', (reply) => {
  tx2.event('spoken', { loud: true })
  tx2.issue(new Error('not so loud'))
  reply({ said: true })
})
setInterval(() => {}, 1000)
