// What a command costs, as a whole process.
import { repeated } from '../lib/command.mjs'
import { alternating, withManager } from '../lib/managers.mjs'
import { cpuMs } from '../lib/proc.mjs'
import { timed, until } from '../lib/wait.mjs'

const sleeper = (name, instances = 1) => ({
  name,
  script: '/bin/sleep',
  args: ['100000'],
  interpreter: 'none',
  exec_mode: 'fork',
  instances,
})

const WISHES = {
  'list, 100 apps': { wall: 2.5, cpu: 2 },
  'jlist, 100 apps': { wall: 2.5, daemon: 0.5 },
}

const ask = async (report, manager, verb, apps) => {
  const name = `${verb}, ${apps} apps`
  const row = (figure) =>
    report.row('cli', `${name}: ${figure}`, { unit: 'ms', wish: { value: WISHES[name]?.[figure.split(' ')[0]] } })
  const before = cpuMs(manager.daemons)
  const { wall, cpu, times } = await repeated(manager.command(verb), { env: manager.env })
  // The loop's runs, and the one that sized it.
  const daemon = (cpuMs(manager.daemons) - before) / (times + 1)
  row('wall').add(manager.name, wall)
  row('cpu of the client').add(manager.name, cpu)
  row('daemon cpu').add(manager.name, daemon)
}

export default async (report, { rounds }) => {
  const bare = report.row('cli', 'a process that does nothing', { unit: 'ms', note: '/bin/true' })
  await alternating(rounds, ['rpm', 'pm2'], (name) =>
    withManager(name, async (manager) => {
      const limit = await repeated(['/bin/true'], { budget: 200 })
      bare.add('limit', limit.wall)
      report
        .row('cli', 'first command, starts the daemon', { unit: 'ms', wish: { value: 5 } })
        .add(name, await timed(() => manager.begin()))
      for (const verb of ['list', 'jlist']) await ask(report, manager, verb, 0)
      const one = report.row('cli', 'start 1 app', { unit: 'ms', wish: { value: 4 } })
      one.add(name, await timed(() => manager.start(sleeper('one'))))
      await manager.delete()
      await manager.start(sleeper('sleep', 100))
      await until(
        async () => (await manager.list()).filter((app) => app.status === 'online').length === 100,
        '100 apps are not online',
      )
      for (const verb of ['list', 'jlist']) await ask(report, manager, verb, 100)
    }),
  )
}
