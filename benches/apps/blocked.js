// Answers with its pid. One of its workers does nothing else for 50 ms now and then, as one that parses much JSON.
const http = require('node:http')

http
  .createServer((_request, response) => response.end(`hello from ${process.pid}`))
  .listen(Number(process.env.PORT), () => {
    const isFirst = process.env.NODE_APP_INSTANCE
      ? process.env.NODE_APP_INSTANCE === '0'
      : require('node:cluster').worker?.id === 1
    if (!isFirst) return
    setInterval(() => {
      const end = performance.now() + 50
      while (performance.now() < end);
    }, 250)
  })
