// Two plain Nodes on one port, by the kernel's doing: no manager, no cluster. Needs Node 23.1.
const { spawn } = require('node:child_process')
const http = require('node:http')

if (process.env.BENCH_PLAIN) {
  const server = http.createServer((_request, response) => response.end(`hello from ${process.pid}\n`))
  server.listen({ port: Number(process.env.PORT), reusePort: true })
} else {
  const env = { ...process.env, BENCH_PLAIN: '1' }
  const children = [0, 1].map(() => spawn(process.execPath, [__filename], { env, stdio: 'ignore' }))
  process.on('SIGTERM', () => {
    for (const child of children) child.kill('SIGKILL')
    process.exit()
  })
}
