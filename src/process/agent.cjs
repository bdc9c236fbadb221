// The agent of rpm-native: runs before the app in each Node process that it starts. It helps a worker to leave without
// losing a request, and tells which error has ended a process. Until then it does nothing but take note of servers.
//
// An app must not be able to tell whether it is there. It is written for every Node from 10 on, and whatever goes wrong
// in it is not the app's concern.
'use strict'

const { Buffer, setImmediate, setInterval } = globalThis
/** A connection without a request is closed when nothing has come on it for so long, in milliseconds. */
const QUIET = 2000
/** Between two looks at what is open. */
const PAUSE = 100
/** A worker is never owed more answers than a window of connections takes. */
const MOST = 64
/** What is told of an error, in characters. */
const LONGEST = 16384
/** Whatever we are sent is filled up with spaces to so many bytes, or a multiple of them. */
const PIECE = 256
/** What is read at once of lines that are not. */
const LARGE = 65536
const NEWLINE = 10
/** How a connection begins. */
const CONNECTION = '{"cmd":"NODE_HANDLE","type":"net.Native","msg":{"cmd":"NODE_CLUSTER","act":"newconn",'
/** Of a WebSocket: the server goes away. */
const GOING_AWAY = 1001

const send = process.send
/** Node's cluster listens too, and has done so before us. */
const isWorker = process.listenerCount('internalMessage') > 1
/** TLS connections that have been set up, and sessions of HTTP/2: Node has no list of them. */
const secure = new Set()
const sessions = new Set()
const known = new WeakSet()
const speaksHttp2 = new WeakSet()
const prepared = new WeakSet()
/** Of each connection without a request: what had been read from it, and since when. */
const quiet = new WeakMap()
/** Set while this process leaves. */
let leaving

const now = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
const tell = (message) => {
  if (process.connected) send.call(process, message, () => {})
}
/** For as long as it is open. */
const remember = (set, what) => {
  set.add(what)
  what.once('close', () => set.delete(what))
}

/** Nothing of how we came here is left: not for the app, and not for what it starts. */
function vanish() {
  delete require.cache[__filename]
  const paths = module.constructor._pathCache || {}
  for (const key of Object.keys(paths)) if (paths[key] === __filename) delete paths[key]
  // Ours comes first: --require "<path>". In a thread it has been taken out already.
  const options = process.env.NODE_OPTIONS || ''
  const end = `${__filename.slice(__filename.lastIndexOf('/') + 1)}"`
  const at = options.indexOf(end)
  if (!options.startsWith('--require "') || at < 0) return false
  const rest = options.slice(at + end.length)
  if (rest === '') delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = rest.slice(1)
  return true
}

/** A server begins. */
function meet(server) {
  known.add(server)
  if (typeof server.setSecureContext === 'function') {
    server.on('secureConnection', (socket) => remember(secure, socket))
  }
  server.on('session', (session) => {
    if (typeof Object(session).goaway !== 'function') return
    speaksHttp2.add(server)
    remember(sessions, session)
    if (leaving) session.close()
  })
}

/** The connection of this response is closed behind it, whatever the app wants. */
function makeLast(response) {
  if (response.headersSent || typeof response._storeHeader !== 'function' || prepared.has(response)) return
  prepared.add(response)
  response.shouldKeepAlive = false
  const store = response._storeHeader
  response._storeHeader = function (line, headers) {
    if (this.statusCode === 101) return store.call(this, line, headers)
    if (this.getHeader('connection') !== undefined) this.setHeader('connection', 'close')
    return store.call(this, line, closing(headers))
  }
}

/** What `writeHead` was given, with `close` for a connection that it wanted to keep. */
function closing(headers) {
  const is = (name) => String(name).toLowerCase() === 'connection'
  if (Array.isArray(headers)) {
    if (Array.isArray(headers[0])) return headers.map((pair) => (is(pair[0]) ? [pair[0], 'close'] : pair))
    return headers.map((word, at) => (at % 2 === 1 && is(headers[at - 1]) ? 'close' : word))
  }
  const name = Object.keys(headers || {}).find(is)
  // Node's own list has pairs, and is changed by `setHeader`.
  if (name === undefined || Array.isArray(headers[name])) return headers
  return Object.assign({}, headers, { [name]: 'close' })
}

/** From now on each response of it is the last one of its connection. */
function prepare(server) {
  if (prepared.has(server)) return
  prepared.add(server)
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    // A listener where there was none would change what Node does.
    if (server.listenerCount(event) > 0) server.prependListener(event, (_, response) => attempt(makeLast, response))
  }
}

const isServed = ({ server, destroySoon }) =>
  server && typeof server.on === 'function' && typeof destroySoon === 'function'

/** Of servers that others share, the way in: what comes now is theirs. `server.close` would close connections too. */
function stopListening(descriptors) {
  // biome-ignore lint/style/useNodejsImportProtocol: the first versions of Node 14 don't know it
  const { close } = require('net').Server.prototype
  for (const server of process._getActiveHandles()) {
    const handle = server.listening ? server._handle : null
    if (!handle) continue
    // Node's cluster puts its own `close` over the handle's.
    const isCluster = Object.getOwnPropertyNames(handle).includes('close')
    if (isCluster || (handle.fd >= 3 && handle.fd < 3 + descriptors)) close.call(server)
  }
}

/** The connections of a server on which no part of a request has come. `undefined` where Node doesn't tell. */
function idleOf(server) {
  const symbol = Object.getOwnPropertySymbols(server).find((symbol) => symbol.description === 'http.server.connections')
  const list = symbol && server[symbol]
  if (!list || typeof list.idle !== 'function') return undefined
  return new Set(list.idle().map((parser) => parser.socket))
}

/** Whether nothing has come on it for long enough. */
function isQuiet(socket, idle, time) {
  const isIdle = !socket._httpMessage && (socket.bytesRead === 0 || !idle || idle.has(socket))
  const before = quiet.get(socket)
  if (!isIdle || !before || before.read !== socket.bytesRead) {
    quiet.set(socket, { read: isIdle ? socket.bytesRead : -1, since: time })
    return false
  }
  return time - before.since >= QUIET
}

/** Whoever speaks no HTTP, or has done with it, is told that this is the end. */
function bid(socket) {
  const symbol = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'websocket')
  const webSocket = symbol && socket[symbol]
  if (webSocket && typeof webSocket.close === 'function') webSocket.close(GOING_AWAY)
  else socket.end()
}

function look() {
  const time = now()
  const isOver = time >= leaving.until
  const behind = new Map([...secure].map((socket) => [socket._parent, socket]))
  const idle = new Map()
  const sockets = process._getActiveHandles().filter(isServed)
  for (const raw of sockets) {
    const { server } = raw
    const socket = behind.get(raw) || raw
    prepare(server)
    if (socket._httpMessage) makeLast(socket._httpMessage)
    const speaksHttp = socket.parser || (socket === raw && typeof server.setSecureContext === 'function')
    if (!speaksHttp) {
      if (isOver && !speaksHttp2.has(server)) bid(socket)
      continue
    }
    if (!idle.has(server)) idle.set(server, idleOf(server))
    const closes = isQuiet(socket, socket.parser ? idle.get(server) : undefined, time)
    if (closes || (isOver && quiet.get(socket).read >= 0)) socket.destroySoon()
  }
  if (sockets.length !== leaving.told) {
    leaving.told = sockets.length
    tell({ cmd: 'NODE_RPM_OPEN', open: sockets.length })
  }
}

/** Whatever has come is read before anything is closed: Node reads between its timers and this. */
const lookSoon = () => setImmediate(() => attempt(look))

function leave(message) {
  const timeout = Number(message.timeout) || 0
  const isFirst = !leaving
  leaving = { until: now() + timeout, told: undefined }
  if (!isFirst) return lookSoon()
  stopListening(Number(message.listeners) || 0)
  // Answers what it has, and tells which request was the last: others are for the client to repeat. An announcement
  // (a GOAWAY that names no request) would be friendlier, but Node doesn't hear any request after that.
  for (const session of sessions) session.close()
  setInterval(lookSoon, PAUSE).unref()
  lookSoon()
  // The app's own part, if it has one.
  setImmediate(() => process.emit('rpm:drain', { timeout }))
}

/** An error that nobody has caught, and nobody listens for, ends this process. */
function tellLast(error) {
  if (process.listenerCount('uncaughtException') > 0) return
  const known = Object(error)
  const text = (value) => String(value).slice(0, LONGEST)
  const data = { message: text('message' in known ? known.message : error), name: text(known.name || 'Error') }
  if (typeof known.stack === 'string') data.stack = text(known.stack)
  tell({ type: 'process:exception', data })
}

function attempt(what, argument) {
  try {
    return what(argument)
  } catch (_) {
    // Without us it leaves as it would under Node's own primary.
    return undefined
  }
}

function begin() {
  if (!vanish() || typeof send !== 'function' || !process.connected) return
  process.on('uncaughtExceptionMonitor', (error) => attempt(tellLast, error))
  // Others than workers, and those that inherit their sockets, don't drain.
  if (!isWorker && !process.env.LISTEN_FDS) return
  process.on('internalMessage', (message) => {
    if (message && message.cmd === 'NODE_RPM_DRAIN') attempt(leave, message)
  })
  tell({ cmd: 'NODE_RPM_AGENT' })
  if (isWorker && attempt(answerAtOnce)) attempt(readPieces)
  listenFor(({ server }) => server && !known.has(server) && attempt(meet, server))
}

/**
 * A worker answers to each connection twice: Node's channel says that something has come, its cluster that it was taken.
 * Ours needs one word for all that have come at once. It is said before anything is read from them, and before
 * anything else is said.
 */
function answerAtOnce() {
  const write = process._send
  const end = process._disconnect
  if (typeof write !== 'function' || typeof end !== 'function') return false
  let taken = []
  const flush = () => {
    if (taken.length === 0) return
    const acks = taken
    taken = []
    if (process.connected) attempt(() => write.call(process, { cmd: 'NODE_RPM_TAKEN', acks }, null, true))
  }
  process._send = function (message, handle, ...rest) {
    if (message && !handle && message.cmd === 'NODE_HANDLE_ACK') return true
    if (message && !handle && message.cmd === 'NODE_CLUSTER' && message.accepted === true) {
      if (taken.push(message.ack) === 1) setImmediate(flush)
      if (taken.length === MOST) flush()
      return true
    }
    flush()
    return write.call(this, message, handle, ...rest)
  }
  process._disconnect = function (...rest) {
    flush()
    return end.apply(this, rest)
  }
  return true
}

/**
 * A worker's event loop comes round once for each connection that it is handed: Node reads its channel into a large
 * buffer, stops where that isn't filled, and is given one connection by each read. Into a buffer that each line fills it
 * reads all that are there. And the cluster has a connection at once, not two ticks later.
 */
function readPieces() {
  const symbol = Object.getOwnPropertySymbols(process).find((symbol) => symbol.description === 'kChannelHandle')
  const channel = symbol && process[symbol]
  if (!channel || typeof channel.useUserBuffer !== 'function' || typeof channel.onread !== 'function') return
  const read = channel.onread
  const nothing = new ArrayBuffer(0)
  // Text has no zeros: they are where nothing was read into.
  let buffer = Buffer.allocUnsafeSlow(PIECE).fill(0)
  /** So much of it came with reads before. */
  let filled = 0
  channel.onread = function () {
    const isFull = buffer[buffer.length - 1] !== 0
    const length = isFull ? buffer.length : buffer.indexOf(0, filled)
    if (length === filled) return readNothing(this)
    const connection = isFull && filled === 0 && channel.pendingHandle && process.connected && connectionIn(buffer)
    const part = connection ? undefined : buffer.buffer.slice(filled, length)
    const isNext = follow(length)
    if (connection) {
      const handle = channel.pendingHandle
      channel.pendingHandle = null
      process.emit('internalMessage', connection, handle)
    } else read.call(this, part)
    return isNext ? undefined : buffer.subarray(filled)
  }
  /** Whether what follows is read to the same place. */
  const follow = (length) => {
    const before = filled
    const end = buffer.indexOf(NEWLINE, filled)
    if (buffer.length === PIECE && end >= 0 && end < PIECE - 1) {
      // Who writes to us was cut off in the middle of a line: lines begin anywhere now.
      buffer = Buffer.allocUnsafeSlow(LARGE).fill(0)
      filled = 0
      return false
    }
    filled = buffer.length === PIECE && length < PIECE ? length : 0
    if (filled === 0) buffer.fill(0, 0, length)
    return filled === before
  }
  /** Either nothing is there, or the channel has ended: Node's own part alone is told which. */
  const readNothing = (self) => {
    try {
      read.call(self, nothing)
    } catch (error) {
      // An array of less than nothing.
      if (!(error instanceof RangeError)) throw error
      read.call(self)
    }
  }
  channel.useUserBuffer(buffer)
}

/** The message to the cluster in a piece that is a connection. */
function connectionIn(piece) {
  if (piece[PIECE - 1] !== NEWLINE) return undefined
  const text = piece.toString()
  return text.startsWith(CONNECTION) ? JSON.parse(text).msg : undefined
}

/** Calls back with each server before it has a connection, or with the first one where Node doesn't tell earlier. */
function listenFor(met) {
  // biome-ignore lint/style/useNodejsImportProtocol: the first versions of Node 14 don't know it
  const channels = require('diagnostics_channel')
  const subscribe = (name, each) => {
    if (channels.subscribe) channels.subscribe(name, each)
    else channels.channel(name).subscribe(each)
  }
  subscribe('tracing:net.server.listen:asyncStart', met)
  if (Number(process.versions.node.split('.')[0]) < 22) subscribe('net.server.socket', ({ socket }) => met(socket))
}

attempt(begin)
