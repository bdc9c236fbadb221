// What clients see of reloads.
import { probe } from '../lib/load.mjs'
import { alternating, example, withManager } from '../lib/managers.mjs'
import { answering, freePort, timed, until } from '../lib/wait.mjs'

const RELOADS = 5

export default async (report, { rounds }) => {
  const row = (name, options) => report.row('reload', name, options)
  await alternating(rounds, ['rpm', 'pm2'], (name) =>
    withManager(name, async (manager) => {
      const port = await freePort()
      await manager.begin()
      await manager.start({
        name: 'http',
        script: example('http.js'),
        exec_mode: 'cluster',
        instances: 2,
        env: { PORT: String(port) },
      })
      await until(() => answering(port), `${name}: nobody answers`)
      const prober = await probe(port)
      const ms = await timed(async () => {
        for (let time = 0; time < RELOADS; time++) await manager.run('reload', 'http')
      })
      const { served, failed, gap } = await prober.stop()
      row(`${RELOADS} reloads under load: failed`, { unit: 'requests', wish: { value: 0 } }).add(name, failed)
      row('longest gap', { unit: 'ms', wish: { value: 20 } }).add(name, gap)
      row('served meanwhile', { unit: '/s', more: true }).add(name, (served * 1000) / ms)
      row('one reload of two workers', { unit: 'ms' }).add(name, ms / RELOADS)
    }),
  )
}
