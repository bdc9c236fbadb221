const express = require('express')
const { whoami } = require('./whoami.cjs')

const app = express()
app.get('/', async (request, response) => response.json(await whoami(request.query.ms)))
app.listen(process.env.PORT)
