// PM2's bus: what apps say and what happens to them, for listeners by topic.

const { EventEmitter } = require('node:events')
const { answer, several, split } = require('../callback.js')
const { Stream } = require('../streams.js')

class PacketStream extends Stream {
  #lost

  constructor(open, onClose) {
    const lost = { packets: 0 }
    const items = ({ packets, dropped }) => {
      lost.packets += dropped
      return packets
    }
    super(open, items, onClose)
    this.#lost = lost
  }

  get dropped() {
    return this.#lost.packets
  }
}

/** The texts that the wild cards of a pattern stand for; `null` where a topic is none of it. */
function matcher(pattern) {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\/]/g, '\\$&'))
  const expression = new RegExp(`^${parts.join('(.*?)')}$`, 's')
  return (topic) => expression.exec(topic)?.slice(1) ?? null
}

/** One topic or pattern that is listened to, over a stream of its own: what nobody wants is not even sent. */
class Subscription {
  listeners = []
  stream

  constructor(pattern, stream, ended) {
    this.stream = stream
    this.#run(matcher(pattern)).then(
      () => ended(this),
      (error) => ended(this, error),
    )
  }

  async #run(match) {
    for await (const { topic, json } of this.stream) {
      const found = match(topic)
      if (!found) continue
      const packet = JSON.parse(json)
      for (const listener of [...this.listeners]) tell(listener, [...found, packet])
    }
  }
}

/** What a listener throws is an uncaught exception, as in any event. */
function tell(listener, args) {
  process.nextTick(() => listener(...args))
}

/** The connection, as far as programs look at it. */
class BusSocket extends EventEmitter {
  #end
  connected = true

  constructor(end) {
    super()
    this.#end = end
  }

  close() {
    if (!this.connected) return
    this.connected = false
    this.#end()
    this.emit('close')
  }
}

class Bus {
  #at
  #subscriptions = new Map()
  #lost = 0

  constructor(at) {
    this.#at = at
    this.sock = new BusSocket(() => this.off())
  }

  /** Packets that are missing because this program was too slow. */
  get dropped() {
    let lost = this.#lost
    for (const { stream } of this.#subscriptions.values()) lost += stream.dropped
    return lost
  }

  /** An exact topic gives `(packet)`, a pattern what its `*` stand for, then the packet. */
  on(topic, listener) {
    const pattern = String(topic)
    let subscription = this.#subscriptions.get(pattern)
    if (!subscription) {
      const open = async () => (await this.#at.now()).bus([pattern])
      const stream = this.#at.streams.addFirst(PacketStream, open)
      subscription = new Subscription(pattern, stream, (ended, error) => this.#ended(pattern, ended, error))
      this.#subscriptions.set(pattern, subscription)
    }
    subscription.listeners.push(listener)
    return this
  }

  once(topic, listener) {
    const told = (...args) => {
      this.off(topic, told)
      listener(...args)
    }
    return this.on(topic, told)
  }

  /** Removes a listener of a topic, or all of them; without a topic those of all topics. */
  off(topic, listener) {
    const patterns = topic === undefined ? [...this.#subscriptions.keys()] : [String(topic)]
    for (const pattern of patterns) {
      const subscription = this.#subscriptions.get(pattern)
      if (!subscription) continue
      subscription.listeners = listener ? subscription.listeners.filter((known) => known !== listener) : []
      if (subscription.listeners.length > 0) continue
      this.#lost += subscription.stream.dropped
      this.#subscriptions.delete(pattern)
      subscription.stream.close()
    }
    return this
  }

  close() {
    this.sock.close()
  }

  /** Whoever has closed it knows; the others are told that nothing comes any more. */
  #ended(pattern, subscription, error) {
    if (this.#subscriptions.get(pattern) !== subscription) return
    if (error && this.sock.listenerCount('error') > 0) this.sock.emit('error', error)
    this.sock.close()
  }
}

Bus.prototype.addListener = Bus.prototype.on
Bus.prototype.removeListener = Bus.prototype.off
Bus.prototype.removeAllListeners = Bus.prototype.off

/** Gives `(error, bus, socket)`; a promise gives the bus. Until it is closed it keeps the program alive. */
exports.launchBus = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    // Shows early whether it works, and launches the daemon.
    await (await at.manager()).ping()
    const bus = new Bus(at)
    return callback ? several(bus, bus.sock) : bus
  })
}
