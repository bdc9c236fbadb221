// What a manager weighs, and what it does when there is nothing to do.
import { setTimeout as sleep } from 'node:timers/promises'
import { Manager } from '../lib/managers.mjs'
import { cpuMs, memory } from '../lib/proc.mjs'
import { now } from '../lib/wait.mjs'

const APPS = {
  name: 'sleep',
  script: '/bin/sleep',
  args: ['100000'],
  interpreter: 'none',
  exec_mode: 'fork',
  instances: 100,
}
const REST_MS = 10_000
// The daemon gives back what it doesn't use a second after its start, and every half a minute.
const SETTLED_MS = { start: 3000, apps: 35_000 }

const MORE = { ...APPS, name: 'more', instances: 900 }

const weigh = (report, manager, when, wish) => {
  const { rss, pss, anonymous } = memory(manager.daemons)
  const row = (name, options) => report.row('memory', `${when}: ${name}`, { unit: 'MiB', ...options })
  row('PSS', { wish: { value: wish } }).add(manager.name, pss)
  row('RSS').add(manager.name, rss)
  row('of it anonymous').add(manager.name, anonymous)
}

// The same daemons through all rounds: PM2 looks at its apps only every 30 s.
export default async (report, { rounds }) => {
  const managers = [new Manager('rpm'), new Manager('pm2')]
  const rest = report.row('memory', 'CPU at rest, 100 apps', { unit: 'ms/s', wish: { value: 1.5 } })
  try {
    await Promise.all(managers.map((manager) => manager.begin()))
    await sleep(SETTLED_MS.start)
    for (const manager of managers) weigh(report, manager, 'idle', 3)
    for (const manager of managers) await manager.start(APPS)
    await sleep(SETTLED_MS.apps)
    for (const manager of managers) weigh(report, manager, '100 apps', 5)
    const before = managers.map((manager) => cpuMs(manager.daemons))
    const begun = now()
    await sleep(REST_MS * rounds)
    const seconds = (now() - begun) / 1000
    for (const [at, manager] of managers.entries()) {
      rest.add(manager.name, (cpuMs(manager.daemons) - before[at]) / seconds)
    }
    for (const manager of managers) await manager.start(MORE)
    await sleep(SETTLED_MS.apps)
    for (const manager of managers) {
      weigh(report, manager, '1000 apps')
      const alone = report.row('memory', '1000 apps: RSS of the daemon alone', { unit: 'MiB', wish: { value: 6 } })
      alone.add(manager.name, memory([manager.daemon]).rss)
    }
    report.note(`CPU at rest is one stretch of ${(REST_MS * rounds) / 1000} s, both managers side by side`)
  } finally {
    await Promise.all(managers.map((manager) => manager.end()))
  }
}
