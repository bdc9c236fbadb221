// Logs and events as async iterators. A `next()` that waits keeps the program alive; an idle stream doesn't.

const { traced } = require('./errors.js')

class Stream {
  #opening
  #iterator
  #closed = false
  #onClose

  /** `open` gives the native stream; `items` turns what one `next()` of it gives into items. */
  constructor(open, items, onClose) {
    this.#onClose = onClose
    this.#opening = traced(open)
    // An error waits for the first `next()`, however late that comes.
    this.#opening.catch(() => {})
    this.#iterator = this.#run(items)
  }

  async *#run(items) {
    try {
      const native = await this.#opening
      while (!this.#closed) {
        const got = await traced(() => native.next())
        if (got === null) return
        yield* items(got)
      }
    } finally {
      this.close()
    }
  }

  /** Resolves when nothing that happens from now on is missed. */
  async ready() {
    await this.#opening
  }

  next() {
    return this.#iterator.next()
  }

  return() {
    this.close()
    return this.#iterator.return()
  }

  /** Ends the stream, also for a `next()` that waits. */
  close() {
    if (this.#closed) return
    this.#closed = true
    this.#onClose(this)
    this.#opening.then(
      (native) => native.close(),
      () => {},
    )
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

// Not everywhere yet: a test runner's sandbox may lack it where Node has it.
if (Symbol.asyncDispose) {
  Stream.prototype[Symbol.asyncDispose] = async function dispose() {
    this.close()
  }
}

/** The streams of one manager that are not closed. */
class OpenStreams {
  #open = new Set()
  #opening = new Set()

  add(Kind, open) {
    const stream = new Kind(open, (closed) => this.#open.delete(closed))
    this.#open.add(stream)
    return stream
  }

  /** As `add`, for a stream that has to hear what is asked after it. */
  addFirst(Kind, open) {
    const stream = this.add(Kind, open)
    const opening = stream.ready().catch(() => {})
    this.#opening.add(opening)
    opening.then(() => this.#opening.delete(opening))
    return stream
  }

  async opened() {
    await Promise.all(this.#opening)
  }

  close() {
    for (const stream of this.#open) stream.close()
  }
}

class LogStream extends Stream {
  #lost

  constructor(open, onClose) {
    const lost = { bytes: 0 }
    const items = ({ entries, dropped }) => {
      lost.bytes += dropped
      return entries
    }
    super(open, items, onClose)
    this.#lost = lost
  }

  /** Bytes that were left out because this reader was too slow. They are in the log files. */
  get dropped() {
    return this.#lost.bytes
  }
}

class EventStream extends Stream {
  constructor(open, onClose) {
    super(open, (event) => [event], onClose)
  }
}

module.exports = { EventStream, LogStream, OpenStreams, Stream }
