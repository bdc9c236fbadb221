// A cluster's worker.

require('node:http')
  .createServer((_request, response) => response.end(process.env.GREETING ?? 'hello'))
  .listen(0)
