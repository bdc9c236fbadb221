// Programs with @pm2/io and tx2, unchanged: their metrics, actions and notifications.

const { call, listening, main, outcome, tell, until } = require('./tell.cjs')

const packets = []

const env = async (name) => (await call('describe', name))[1][0].pm2_env

const has = (name, ...actions) =>
  until(`the actions of ${name}`, async () => {
    const { axm_actions } = await env(name)
    return actions.every((action) => axm_actions.some(({ action_name }) => action_name === action))
  })

/** A metric as PM2's screens show it. */
async function metric(name, label, value) {
  const seen = async () => String((await env(name)).axm_monitor?.[label]?.value)
  await until(`${label} of ${name}`, async () => (await seen()) === value)
  const { value: now, type, unit } = (await env(name)).axm_monitor[label]
  tell('metric', name, label, String(now), type, unit)
}

const replies = (list) => list.map(({ data, process }) => ({ name: process.name, ...data, at: undefined }))

const said = async (topic, name, isMeant = () => true) => {
  const of = () =>
    packets.filter((packet) => packet.topic === topic && packet.process.name === name && isMeant(packet.data))
  await until(`${topic} of ${name}`, () => of().length > 0)
  const { data, process } = of()[0]
  tell(topic, data.message ?? data, Object.keys(process).includes('pm_id'), typeof data.stack)
}

main(async () => {
  await call('connect')
  const bus = await listening()
  for (const topic of ['process:exception', 'human:event']) {
    bus.on(topic, (packet) => packets.push({ topic, ...packet }))
  }
  await call('start', [{ script: 'metrics.cjs', name: 'io' }])
  await call('start', [{ script: 'tx2.cjs', name: 'tx2' }])

  await has('io', 'put', 'bare', 'fail')
  await metric('io', 'Users', '7')
  await metric('io', 'Sales', '3')
  await outcome(replies, 'trigger', 'io', 'put', '12')
  await outcome(replies, 'trigger', 'io', 'bare')
  await metric('io', 'Users', '12')
  await outcome(replies, 'trigger', 'io', 'fail')
  await said('process:exception', 'io')

  await has('tx2', 'double', 'speak')
  await metric('tx2', 'Open', '42')
  await outcome(replies, 'trigger', 'tx2', 'double', '21')
  await outcome(replies, 'trigger', 'tx2', 'speak')
  await said('human:event', 'tx2', ({ __name }) => __name === 'spoken')
  await said('process:exception', 'tx2')

  const module = (await env('io')).axm_options.module_name
  tell('options', module)
  await call('stop', 'io')
  const { axm_actions, axm_monitor } = await env('io')
  tell('stopped', axm_actions.length, Object.keys(axm_monitor).length)
})
