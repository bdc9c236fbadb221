// A line with the time of its writing, every 20 ms.
const fs = require('node:fs')

setInterval(() => fs.writeSync(1, `tick ${process.hrtime.bigint()}\n`), 20)
