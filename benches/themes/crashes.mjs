// A crowd of apps that die as fast as they are started: what is left of the machine, and of the manager.
import { setTimeout as sleep } from 'node:timers/promises'
import { alternating, withManager } from '../lib/managers.mjs'
import { cpuMs } from '../lib/proc.mjs'
import { now, timed } from '../lib/wait.mjs'

const APPS = 200
// The first rush is no part of it.
const RUSH_MS = 3000
const LOOKS = 10
// A manager that is busy with crashes may never come to answer.
const PATIENCE_MS = 60_000
const LOOP_MS = 10_000

const crashing = Array.from({ length: APPS }, (_, number) => ({
  name: `crash-${number}`,
  script: '/bin/false',
  interpreter: 'none',
  exec_mode: 'fork',
  max_restarts: 1_000_000,
  min_uptime: 100,
}))

const restarts = async (manager) => (await manager.list()).reduce((sum, app) => sum + app.restarts, 0)

export default async (report, { rounds }) => {
  const row = (name, options) => report.row('crashes', `${APPS} crash loops: ${name}`, options)
  const cpu = row('CPU of the manager', { unit: '% core', wish: { value: 10 } })
  const rate = row('restarts', { unit: '/s' })
  const list = row('list, wall', { unit: 'ms', wish: { value: 50 } })
  await alternating(rounds, ['rpm', 'pm2'], (name) =>
    withManager(name, async (manager) => {
      // So that what follows ends with us, however it goes.
      await manager.begin()
      const file = manager.file(crashing)
      try {
        await manager.run('start', file, { timeout: PATIENCE_MS })
      } catch {
        report.note(`${name} had not started ${APPS} crash loops after ${PATIENCE_MS / 1000} s`)
        return
      }
      manager.guard()
      await sleep(RUSH_MS)
      const before = { at: now(), cpu: cpuMs(manager.daemons), restarts: await restarts(manager) }
      await sleep(LOOP_MS)
      const ms = now() - before.at
      cpu.add(name, ((cpuMs(manager.daemons) - before.cpu) * 100) / ms)
      rate.add(name, (((await restarts(manager)) - before.restarts) * 1000) / ms)
      for (let look = 0; look < LOOKS; look++) list.add(name, await timed(() => manager.run('list')))
    }),
  )
}
