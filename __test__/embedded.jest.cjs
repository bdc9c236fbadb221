// Under Jest: its modules and globals live in a sandbox, where an addon that trusts them would fail.

const { existsSync } = require('node:fs')
const path = require('node:path')
const rpm = require('rpm-native')

const talker = path.join(__dirname, 'fixtures', 'talker.js')

test('an embedded supervisor starts, shows and ends an app', async () => {
  const supervisor = new rpm.Supervisor()
  const [app] = await supervisor.start(talker, { name: 'one', env: { WHO: 'jest' } })
  expect(app).toMatchObject({ name: 'one', status: 'online' })
  for await (const { stream, line } of supervisor.logs('one', { stream: 'out' })) {
    expect({ stream, line }).toEqual({ stream: 'out', line: 'out of jest' })
    break
  }
  await supervisor.close()
  expect(existsSync(`/proc/${app.pid}`)).toBe(false)
})

test('variables that are set in the sandbox reach the app', async () => {
  process.env.WHO = 'the sandbox'
  const supervisor = new rpm.Supervisor()
  await supervisor.start(talker, { name: 'one' })
  const [{ env }] = await supervisor.describe('one')
  expect(env.WHO).toBe('the sandbox')
  await supervisor.close()
})

test('errors carry their code', async () => {
  const supervisor = new rpm.Supervisor()
  await expect(supervisor.stop('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await supervisor.close()
})
