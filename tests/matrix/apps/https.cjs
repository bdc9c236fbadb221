const { readFileSync } = require('node:fs')
const https = require('node:https')
const path = require('node:path')
const { msOf, whoami } = require('./whoami.cjs')

const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(path.join(__dirname, name)))
const server = https.createServer({ key, cert }, async (request, response) => {
  response.end(JSON.stringify(await whoami(msOf(request.url))))
})
server.listen(process.env.PORT)
