// Running commands and measuring them from outside.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { now } from './wait.mjs'

const execute = promisify(execFile)

// Runs to the end and gives standard output; a failure says what was printed.
export const run = async ([program, ...args], { env = process.env, cwd, timeout } = {}) => {
  try {
    const { stdout } = await execute(program, args, { env, cwd, timeout, maxBuffer: 1 << 28 })
    return stdout
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n')
    throw new Error(`${program} ${args.join(' ')}: ${said || error.message}`)
  }
}

export const exists = (program) =>
  execute('sh', ['-c', 'command -v "$0"', program]).then(
    () => true,
    () => false,
  )

// The shell repeats it, so that no figure holds a process start out of Node. `times` sums the children's CPU.
const LOOP = 'n=$1; shift; while [ $n -gt 0 ]; do "$@" >/dev/null 2>&1 || exit 1; n=$((n-1)); done; times'

const milliseconds = (text) => {
  const [minutes, seconds] = text.split('m')
  return (Number(minutes) * 60 + Number.parseFloat(seconds)) * 1000
}

// Wall and CPU ms of one run of a command, from as many as fill `budget` ms.
export const repeated = async (command, { env, budget = 800, most = 400 } = {}) => {
  const first = now()
  await run(command, { env })
  const times = Math.max(3, Math.min(most, Math.round(budget / (now() - first))))
  const begun = now()
  const said = await run(['sh', '-c', LOOP, 'sh', String(times), ...command], { env })
  const wall = (now() - begun) / times
  const [user, system] = said.trim().split('\n').at(-1).split(' ').map(milliseconds)
  return { wall, cpu: (user + system) / times, times }
}
