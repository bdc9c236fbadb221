const http = require('node:http')

const port = process.env.PORT || 3000

http
  .createServer((_request, response) => {
    response.end(`hello from ${process.pid}\n`)
  })
  .listen(port, () => {
    console.log(`listening on ${port}`)
  })
