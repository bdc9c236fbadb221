// Lines of 120 bytes to standard output, BENCH_BYTES of them as fast as they are taken.
const fs = require('node:fs')

const line = `${'the quick brown fox jumps over the lazy dog '.repeat(3).slice(0, 119)}\n`
const chunk = Buffer.from(line.repeat(546))
let left = Math.floor(Number(process.env.BENCH_BYTES) / chunk.length) * chunk.length

const write = (buffer) => {
  for (let at = 0; at < buffer.length; ) {
    try {
      at += fs.writeSync(1, buffer, at)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

for (; left > 0; left -= chunk.length) write(chunk)
// Managers start again who ends.
setInterval(() => {}, 1 << 30)
