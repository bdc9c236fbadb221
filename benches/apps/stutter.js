// examples/http.js, but the first of the workers does nothing else for 50 ms, four times a second.
const http = require('node:http')

const block = () => {
  const end = performance.now() + 50
  while (performance.now() < end);
}

http
  .createServer((_request, response) => response.end(`hello from ${process.pid}\n`))
  .listen(Number(process.env.PORT), () => {
    if (process.env.NODE_APP_INSTANCE === '0') setInterval(block, 250)
  })
