// Speaks the messages of actions by hand.

process.on('message', (message) => {
  const name = message.msg ?? message
  if (name === 'greet') reply(name, { hello: message.opts ?? 'nobody' })
  if (name === 'shout') process.send({ plain: true })
})
const reply = (action_name, value) => process.send({ type: 'axm:reply', data: { action_name, return: value } })
for (const action_name of ['greet', 'shout']) process.send({ type: 'axm:action', data: { action_name, arity: 1 } })
process.send({ type: 'shop:sold', data: { item: 'tea' } })
setInterval(() => {}, 1000)
