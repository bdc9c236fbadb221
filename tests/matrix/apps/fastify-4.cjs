const fastify = require('fastify-4')
const { whoami } = require('./whoami.cjs')

const app = fastify()
app.get('/', (request) => whoami(request.query.ms))
app.listen({ port: Number(process.env.PORT), host: '0.0.0.0' })
