// Node's own cluster, as small as it gets: BENCH_SCRIPT on two workers.
const cluster = require('node:cluster')

cluster.setupPrimary({ exec: process.env.BENCH_SCRIPT })
cluster.fork({ NODE_APP_INSTANCE: '0' })
cluster.fork({ NODE_APP_INSTANCE: '1' })
process.on('SIGTERM', () => {
  for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL')
  process.exit()
})
