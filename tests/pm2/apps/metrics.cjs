// The usual program with @pm2/io: a metric, a counter, an action, a notification.

const io = require('@pm2/io')

const users = io.metric({ name: 'Users', unit: 'people' })
users.set(7)
const sales = io.counter({ name: 'Sales' })
sales.inc(3)

io.action('put', (amount, reply) => {
  users.set(Number(amount))
  reply({ users: users.val() })
})
io.action('bare', (reply) => reply('done'))
io.action('fail', (reply) => {
  io.notifyError(new Error('as it was asked to'))
  reply('told')
})
setInterval(() => {}, 1000)
