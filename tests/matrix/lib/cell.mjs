// One app on one runtime: all checks, in a home of its own.

import path from 'node:path'
import { freePort } from '../../../benches/lib/wait.mjs'
import { CHECKS } from './checks.mjs'
import { Home } from './home.mjs'
import { MATRIX } from './packages.mjs'

class Context {
  constructor({ app, runtime, options, port }) {
    Object.assign(this, { app, runtime, options })
    this.home = new Home()
    this.where = app.client.local ? { path: path.join(this.home.folder, 'app.sock') } : { port }
    // Bun's workers listen by themselves: nobody hands connections to them, or knows which they have.
    this.uneven = app.uneven || runtime.kind === 'bun'
    this.uncounted = app.uncounted || runtime.kind === 'bun'
  }

  /** Bun cuts what its own servers are answering when it is asked to leave, whoever asks. */
  loses(check) {
    return check === 'reload' && this.runtime.kind === 'bun' && !this.app.shared
  }

  /** Who asks during a reload. Bun ends without having read what has come, which resets connections that stand. */
  get lanes() {
    return this.runtime.kind === 'bun' ? { ...this.app.lanes, standing: 0 } : this.app.lanes
  }

  fields(recorded) {
    const { env, ...fields } = this.app.fields
    return {
      name: 'app',
      script: this.app.script,
      instances: 2,
      exec_mode: 'cluster',
      interpreter: this.runtime.program,
      // What is killed all the time is no failure of the app.
      min_uptime: 100,
      max_restarts: 1_000_000,
      ...fields,
      ...(recorded ? { node_args: ['-r', path.join(MATRIX, 'record.cjs')] } : {}),
      env: {
        ...env,
        ...(this.where.path ? { SOCKET: this.where.path } : { PORT: String(this.where.port) }),
        MATRIX_NOTES: this.home.notes,
      },
    }
  }

  start({ recorded = false } = {}) {
    return this.home.start(this.fields(recorded))
  }

  async restart(how) {
    await this.home.rpm('delete', 'app')
    await this.start(how)
  }
}

/** Each check's `{ ok, told, ms }` by its name. After a failure the rest is made all the same, where that is possible. */
export async function cell(app, runtime, options) {
  const context = new Context({ app, runtime, options, port: await freePort() })
  const results = {}
  for (const [name, check] of Object.entries(CHECKS)) {
    if (!options.checks.includes(name) || context.loses(name)) continue
    const begun = performance.now()
    const note = (ok, told) => {
      results[name] = { ok, told, ms: Math.round(performance.now() - begun) }
    }
    try {
      note(true, await check(context))
    } catch (error) {
      note(false, error.message)
      results[name].logs = context.home.told()
      if (name === 'start') break
    }
  }
  const begun = performance.now()
  try {
    await context.home.end()
  } catch (error) {
    results.stop = { ok: false, told: error.message, ms: Math.round(performance.now() - begun) }
  }
  return results
}
