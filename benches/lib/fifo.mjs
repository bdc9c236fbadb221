// A pipe with a name, on which apps say a line when they have begun.
import { constants, openSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { run } from './command.mjs'
import { drop, folder } from './scratch.mjs'

export class Fifo {
  lines = []
  #rest = ''

  static async make() {
    const fifo = new Fifo()
    fifo.place = folder('fifo')
    fifo.path = join(fifo.place, 'fifo')
    await run(['mkfifo', fifo.path])
    // Open for writing too, so that it has no end when the first app has gone.
    fifo.socket = new net.Socket({ fd: openSync(fifo.path, constants.O_RDWR | constants.O_NONBLOCK), writable: false })
    fifo.socket.on('data', (chunk) => fifo.#take(String(chunk)))
    return fifo
  }

  #take(text) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()
    this.lines.push(...lines)
    this.heard?.()
  }

  clear() {
    this.lines = []
  }

  // Resolves in the moment in which `count` lines are there.
  async count(count, what = 'an app has not begun') {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`after 30 s: ${what}`)), 30_000)
    })
    const enough = new Promise((resolve) => {
      this.heard = () => this.lines.length >= count && resolve()
      this.heard()
    })
    await Promise.race([enough, late]).finally(() => clearTimeout(timer))
    return this.lines
  }

  close() {
    this.socket.destroy()
    drop(this.place)
  }
}
