const { readFileSync } = require('node:fs')
const http2 = require('node:http2')
const path = require('node:path')
const { msOf, whoami } = require('./whoami.cjs')

const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(path.join(__dirname, name)))
const server = http2.createSecureServer({ key, cert }, async (request, response) => {
  response.end(JSON.stringify(await whoami(msOf(request.url))))
})
server.listen(process.env.PORT)
