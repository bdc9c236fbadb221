const http = require('node:http')
const { msOf, whoami } = require('./whoami.cjs')

const server = http.createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(await whoami(msOf(request.url))))
})
server.listen(process.env.PORT)
