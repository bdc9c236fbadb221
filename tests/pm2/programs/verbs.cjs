// Starting in every form, the verbs, and what they say when there is nothing to do them to.

const path = require('node:path')
const { acted, call, count, listed, main, nothing, outcome, pm2, same, started, tell } = require('./tell.cjs')

const app = (name) => path.join(__dirname, '..', 'apps', name)

async function empty() {
  await outcome(listed, 'list')
  for (const verb of ['stop', 'restart', 'reload', 'delete']) {
    await outcome(same, verb, 'all')
    await outcome(same, verb, 'nobody')
  }
  await outcome(same, 'reset', 'nobody')
  await outcome(same, 'describe', 'nobody')
  await outcome(same, 'scale', 'nobody', 2)
  await outcome(same, 'getProcessIdByName', 'nobody')
  await outcome(same, 'getPID', 'nobody')
  await outcome(same, 'sendSignalToProcessName', 'SIGUSR2', 'nobody')
  await outcome(same, 'sendSignalToProcessId', 'SIGUSR2', 9)
  await outcome(same, 'sendLineToStdin', 9, 'hello')
  await outcome(same, 'sendDataToProcessId', 9, { topic: 't', data: {} })
  await outcome(same, 'trigger', 'nobody', 'dance')
  await outcome(same, 'dump')
  await outcome(same, 'start', [])
}

async function starts() {
  await outcome(started, 'start', { script: app('idle.cjs'), name: 'object' })
  await outcome(started, 'start', 'idle.cjs', { name: 'camel', maxRestarts: 4, args: ['a', 'b c'], env: { A: '1' } })
  await outcome(started, 'start', [{ script: 'http.cjs', name: 'pair', exec_mode: 'cluster', instances: 2 }])
  // Not in one list with the others: in which order PM2 counts its apps then is chance.
  await outcome(started, 'start', { script: 'idle.cjs', name: 'spaced', namespace: 'space', args: 'x "y z"' })
  await outcome(started, 'start', { apps: [{ script: 'idle.cjs', name: 'wrapped' }] })
  await outcome(started, 'start', 'pair.config.cjs', { only: 'first', env: 'production' })
  await outcome(count, 'start', 'idle.cjs', { name: 'camel' })
  await outcome(count, 'start', 'object')
  await outcome(count, 'start', { script: 'idle.cjs', name: 'object' })
  await outcome(count, 'start', 'idle.cjs', { name: 'camel', force: true })
  await outcome(listed, 'list')
  const [, [first]] = await call('describe', 'first')
  tell('profile', first.pm2_env.env.WHERE, first.pm2_env.WHERE)
}

async function verbs() {
  await outcome(acted, 'restart', 'object')
  process.env.FRESH = 'yes'
  await outcome(acted, 'restart', 'object', { updateEnv: true })
  const [, [fresh]] = await call('describe', 'object')
  tell('updateEnv', fresh.pm2_env.env.FRESH)
  await outcome(acted, 'stop', 'space')
  await outcome(acted, 'restart', 'spaced')
  await outcome(acted, 'stop', '/^wrap/')
  await outcome(count, 'start', 'wrapped')
  await outcome((list) => list.length > 0, 'stop', 'idle.cjs')
  await outcome(same, 'reset', 'object')
  await outcome(same, 'reset', 'all')
  await outcome(count, 'reload', 'pair')
  await outcome(listed, 'describe', 'pair')
  await outcome(listed, 'describe', 0)
  await outcome(same, 'scale', 'pair', 3)
  await outcome(same, 'scale', 'pair', 3)
  await outcome(same, 'scale', 'pair', '+1')
  await outcome(same, 'scale', 'pair', 1)
  await outcome(same, 'getProcessIdByName', 'object')
  await outcome(count, 'getPID', 'object')
  await outcome((list) => list.every((pid) => typeof pid === 'number'), 'getPID')
  await outcome(same, 'ping')
  await outcome((version) => typeof version, 'getVersion')
  await outcome(same, 'set', 'some:key', 'value')
  await outcome(same, 'multiset', 'one 1 two 2')
  await outcome(same, 'unset', 'one')
  await outcome(Array.isArray, 'flush', 'object')
  await outcome(Array.isArray, 'sendSignalToProcessName', 'SIGCONT', 'pair')
  await outcome(Array.isArray, 'sendSignalToProcessId', 'SIGCONT', 2)
}

async function ends() {
  const before = await outcome(nothing, 'list')
  await outcome(same, 'dump')
  await outcome((acted) => acted.map(({ name }) => name).sort(), 'delete', 'all')
  await outcome(nothing, 'resurrect')
  const [, after] = await call('list')
  const names = (list) => list.map(({ name }) => name).sort()
  tell('resurrected', names(after), names(before).length === names(after).length)
  await outcome(nothing, 'clearDump')
  await outcome(nothing, 'delete', 'all')
  await outcome(same, 'dump', true)
}

main(async () => {
  tell('instance', pm2.daemon_mode, pm2.Client.daemon_mode, typeof pm2.pm2_home, typeof pm2.custom)
  await outcome(({ new_pm2_instance }) => new_pm2_instance, 'connect')
  await empty()
  await starts()
  await verbs()
  await ends()
})
