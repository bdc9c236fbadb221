// The two ways to a supervisor, for suites that have to pass with both.

import rpm from 'rpm-native'
import { remove, temporary } from './files.mjs'
import { alive, until } from './wait.mjs'

/** Each opens a manager in a home of its own; `end` leaves nothing behind, and complains when something was left. */
export const backends = [
  [
    'the daemon',
    async () => {
      const home = temporary()
      const pm = new rpm.Client({ home })
      const { pid } = await pm.connect()
      const end = async () => {
        await pm.disconnect()
        try {
          await pm.kill()
          await until(`the daemon ${pid} is gone`, () => !alive(pid))
        } finally {
          if (alive(pid)) process.kill(pid, 'SIGKILL')
          remove(home)
        }
      }
      return { pm, home, end }
    },
  ],
  [
    'an embedded supervisor',
    async () => {
      const home = temporary()
      const pm = new rpm.Supervisor({ home })
      const end = async () => {
        await pm.close()
        remove(home)
      }
      return { pm, home, end }
    },
  ],
]

/** Leaves a manager as it was at the beginning. */
export async function empty(pm) {
  const pids = (await pm.list()).map(({ pid }) => pid).filter((pid) => pid !== null)
  if ((await pm.list()).length > 0) await pm.delete('all')
  const left = pids.filter(alive)
  if (left.length > 0) throw new Error(`still alive after delete: ${left}`)
}
