import Hapi from '@hapi/hapi'
import { whoami } from './whoami.cjs'

const server = Hapi.server({ port: process.env.PORT, host: '0.0.0.0' })
server.route({ method: 'GET', path: '/', handler: (request) => whoami(request.query.ms) })
await server.start()
