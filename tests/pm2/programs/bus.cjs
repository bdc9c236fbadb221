// The bus, and what is said to apps: data, lines, actions.

const { call, listening, main, outcome, same, tell, until } = require('./tell.cjs')

const heard = []

/** What was said of an app under a topic, the figures that differ from run to run taken out. */
const of = (name, topic) =>
  heard.filter((one) => one.topic === topic && one.name === name).map(({ topic: _, name: __, ...rest }) => rest)

function listen(bus) {
  bus.on('process:event', ({ event, manually, process, at }) => {
    heard.push({ topic: 'process:event', name: process.name, event, manually, at: typeof at, id: process.pm_id })
  })
  bus.on('log:*', (stream, { data, process }) => {
    heard.push({ topic: 'log', name: process.name, stream, data, keys: Object.keys(process).sort() })
  })
  bus.on('shop:*', (what, { at, data, process }) => {
    heard.push({ topic: 'shop', name: process.name, what, at: typeof at, data, process })
  })
  for (const topic of ['heard', 'line', 'process:msg']) {
    bus.on(topic, ({ at, process, ...said }) => heard.push({ topic, name: process.name, at: typeof at, ...said }))
  }
}

const isShout = ({ action_name }) => action_name === 'shout'

const idOf = async (name) => (await call('getProcessIdByName', name))[1][0]

async function actions() {
  const started = await call('start', { script: 'actions.cjs', name: 'actor' })
  tell('start', started[1].length)
  await until('its actions', async () => (await call('describe', 'actor'))[1][0].pm2_env.axm_actions.some(isShout))
  await until('a message with a type', () => of('actor', 'shop').length > 0)
  tell('shop', of('actor', 'shop'))
  const replies = (list) => list.map(({ at, data, process }) => ({ at: typeof at, data, process }))
  await outcome(replies, 'trigger', 'actor', 'greet')
  await outcome(replies, 'trigger', 'actor', 'greet', 'you')
  await outcome(replies, 'trigger', await idOf('actor'), 'greet', 'you')
  await outcome(replies, 'trigger', 'actor', 'dance')
  await outcome(replies, 'trigger', 'nobody', 'greet')
}

async function words() {
  await call('start', { script: 'idle.cjs', name: 'listener' })
  const id = await idOf('listener')
  await until('it listens', async () => {
    await call('sendDataToProcessId', id, { topic: 'first', data: { n: 0 } })
    return of('listener', 'heard').length > 0
  })
  await outcome(same, 'sendDataToProcessId', id, { type: 'process:msg', topic: 'second', data: { n: 1 } })
  await outcome(same, 'sendDataToProcessId', { id, topic: 'third', data: { n: 2 } })
  await outcome(same, 'sendDataToProcessId', { id, data: { n: 3 } })
  await outcome(same, 'sendDataToProcessId', id, { topic: 'x' })
  await until('the third', () => of('listener', 'heard').some(({ data }) => data.topic === 'third'))
  tell(
    'heard',
    of('listener', 'heard').filter(({ data }) => data.topic !== 'first'),
  )
  await outcome(same, 'sendLineToStdin', id, 'hello')
  await until('the line', () => of('listener', 'line').length > 0)
  tell('line', of('listener', 'line'))
  await call('stop', 'listener')
  await outcome(same, 'sendLineToStdin', id, 'hello')
  await outcome(same, 'sendDataToProcessId', id, { topic: 'late', data: {} })
}

async function logs() {
  await call('start', { script: 'writer.cjs', name: 'writer', autorestart: false })
  await until('both lines', () => of('writer', 'log').length === 2)
  tell(
    'log',
    of('writer', 'log').sort((left, right) => (left.stream < right.stream ? 1 : -1)),
  )
  await until('the message without a type', () => of('writer', 'process:msg').length > 0)
  tell('untyped', of('writer', 'process:msg'))
}

async function events(bus) {
  const names = () => [...new Set(of('actor', 'process:event').map(({ event, manually }) => `${event} ${manually}`))]
  const mark = async (what, last) => {
    await until(last, () => names().includes(last))
    tell(what, names().sort())
    for (let at = heard.length - 1; at >= 0; at -= 1) if (heard[at].name === 'actor') heard.splice(at, 1)
  }
  await mark('events of a start', 'start true')
  await call('restart', 'actor')
  await mark('events of a restart', 'restart true')
  await call('stop', 'actor')
  await mark('events of a stop', 'stop true')
  bus.off('process:event')
  await call('restart', 'actor')
  tell('off', names())
}

main(async () => {
  await call('connect')
  const bus = await listening()
  listen(bus)
  await actions()
  await words()
  await logs()
  await events(bus)
})
