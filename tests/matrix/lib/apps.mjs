// The apps: what each is, who asks it, and what a client may expect of its protocol.

import path from 'node:path'
import { dgram } from './clients/dgram.mjs'
import { http, https, unix } from './clients/http.mjs'
import { http2 } from './clients/http2.mjs'
import { net } from './clients/net.mjs'
import { socketIo } from './clients/socket.io.mjs'
import { ws } from './clients/ws.mjs'
import { MATRIX } from './packages.mjs'

// How many clients of each kind ask at a time while something happens; `load.mjs` says what the kinds are.
const REQUESTS = { fresh: 3, kept: 3, slow: 2 }
const CONNECTIONS = { fresh: 3, standing: 3 }

// A connection that nobody can be asked to leave is closed at this time.
const DRAIN = { drain_timeout: '3s' }

// `shared` are servers that Bun's workers have from their primary too; its HTTP servers they bind themselves.
const app = (name, client, options = {}) => ({
  name,
  client,
  script: path.join(MATRIX, 'apps', options.file ?? `${name}.cjs`),
  packages: [],
  fields: {},
  lanes: REQUESTS,
  ...options,
})

export const APPS = [
  app('http', http),
  app('https', https),
  app('http2', http2, { shared: true }),
  app('net', net, { lanes: CONNECTIONS, fields: DRAIN, shared: true }),
  // The system wakes whom it likes.
  app('dgram', dgram, { lanes: { fresh: 3 }, uneven: true, uncounted: true, shared: true }),
  // A second worker of Bun's finds the address in use, whoever the primary is.
  app('unix', unix, { uncounted: true, bun: 'its workers cannot share a unix socket' }),
  app('express', http, { packages: ['express'], needs: '18' }),
  app('fastify', http, { packages: ['fastify'], needs: '20' }),
  app('fastify-4', http, { packages: ['fastify-4'] }),
  app('koa', http, { packages: ['koa'], needs: '18' }),
  app('hapi', http, { packages: ['@hapi/hapi'], file: 'hapi.mjs' }),
  app('nest', http, { packages: ['@nestjs/core'], file: 'nest.mjs', needs: '20' }),
  app('next', http, {
    packages: ['next'],
    script: path.join(MATRIX, 'node_modules', 'next', 'dist', 'bin', 'next'),
    needs: '20.9',
    fields: { cwd: path.join(MATRIX, 'apps', 'next'), args: ['start'], env: { NEXT_TELEMETRY_DISABLED: '1' } },
  }),
  app('ws', ws, { packages: ['ws'], lanes: CONNECTIONS, fields: DRAIN }),
  app('socket.io', socketIo(['websocket']), { packages: ['socket.io'], lanes: CONNECTIONS, fields: DRAIN }),
  app('socket.io-sticky', socketIo(['polling', 'websocket']), {
    packages: ['socket.io'],
    file: 'socket.io.cjs',
    lanes: CONNECTIONS,
    fields: { ...DRAIN, sched: 'ip-hash' },
    sticky: true,
    bun: 'its workers listen themselves: nobody sends a client back to its worker',
  }),
]

/** What CI runs: what Node itself has, a protocol each. */
export const REDUCED = ['http', 'https', 'net', 'dgram']
