// Load on a port: wrk for throughput, a prober of ours for what a client sees of a fault.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { run } from './command.mjs'
import { app } from './managers.mjs'
import { guard } from './scratch.mjs'

const SHAPES = { 'new connections': ['-H', 'Connection: close'], 'keep-alive': [] }

export const shapes = Object.keys(SHAPES)

const UNITS = { us: 0.001, ms: 1, s: 1000 }

export const wrk = async (port, shape, seconds, clients = 64) => {
  const said = await run([
    ...['wrk', '-t1', `-c${clients}`, `-d${seconds}s`, '--latency'],
    ...SHAPES[shape],
    `http://127.0.0.1:${port}/`,
  ])
  const [, p99, unit] = said.match(/99%\s+([\d.]+)(us|ms|s)/)
  return {
    rate: Number(said.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    requests: Number(said.match(/(\d+) requests in/)[1]),
    p99: Number(p99) * UNITS[unit],
  }
}

// A process that opens connections one after another on several lanes, until `stop` gives what it saw.
export const probe = async (port, lanes = 8) => {
  const prober = fork(app('prober.js'), [String(port), String(lanes)], { execArgv: [] })
  guard(prober.pid)
  await once(prober, 'message')
  return {
    stop: async () => {
      const [[seen]] = await Promise.all([once(prober, 'message'), prober.send('stop')])
      await once(prober, 'exit')
      return seen
    },
  }
}
