// Says on a pipe that it has begun, then lives on.
const fs = require('node:fs')

fs.writeFileSync(process.env.BENCH_FIFO, `${process.pid}\n`)
setInterval(() => {}, 1 << 30)
