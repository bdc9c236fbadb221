// What is said to running processes: signals, data, lines, actions.

const { createInterface } = require('node:readline')
const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')
const { LogStream } = require('../streams.js')
const { isObject, plain, selector, signalNumber } = require('../values.js')
const errors = require('./errors.js')
const { origin } = require('./shapes.js')

const only = (target) => ({ text: selector(target) })

/** Sends a packet to a process over its IPC channel: `(id, packet)`, or the packet with its `id` alone. */
exports.sendDataToProcessId = (at, first, ...rest) => {
  const { given, callback } = split(rest)
  const packet = plain(isObject(first) ? first : { ...given[0], id: first })
  const work = async () => {
    // `id` may be 0, the others hold something.
    if (packet.id === undefined || !packet.topic || !packet.data) {
      throw failure('INVALID', 'ID, DATA or TOPIC field is missing', 'A packet is { id, topic, data, … }.')
    }
    await at.ask({ do: 'message', selector: only(packet.id), message: packet })
    return { success: true, data: packet }
  }
  return answer(callback, work, errors.ofProcess(packet.id))
}

/** As `sendDataToProcessId`, to one process by its id or to all of a name: `{ id | name, msg }`. */
exports.msgProcess = (at, packet, ...rest) => {
  const { callback } = split(rest)
  const target = packet?.id ?? packet?.name
  const work = async () => {
    await at.ask({ do: 'message', selector: only(target), message: plain(packet) })
    return { process_count: 1, success: true }
  }
  return answer(callback, work, errors.ofName)
}

const signalled = (at, signal, target, callback, texts) => {
  const work = async () => {
    const native = await at.manager()
    const processes = await native.signal(selector(target), signalNumber(signal))
    if (!callback) return processes
    // PM2 gives its whole list, without figures.
    return (await native.pm2List()).map(({ monit: _, ...element }) => element)
  }
  return answer(callback, work, texts)
}

exports.sendSignalToProcessName = (at, signal, name, ...rest) => {
  const { callback } = split(rest)
  return signalled(at, signal, name, callback, errors.ofName)
}

exports.sendSignalToProcessId = (at, signal, id, ...rest) => {
  const { callback } = split(rest)
  return signalled(at, signal, id, callback, { NOT_FOUND: `${id} id unknown` })
}

/** Writes a line to the standard input of a process. */
exports.sendLineToStdin = (at, id, line, ...rest) => {
  const { given, callback } = split(rest)
  // PM2 takes `{ pm_id, line }` too.
  const target = isObject(id) ? id.pm_id : id
  const separator = (isObject(id) ? line : given[0]) ?? '\n'
  const text = `${isObject(id) ? id.line : line}${separator}`
  const work = async () => {
    await at.ask({ do: 'send', selector: only(target), text })
    return { pm_id: Number(target), line: text }
  }
  return answer(callback, work, errors.ofProcess(target))
}

/** Lines of this program's standard input go to the process, its output to ours, until our input ends. */
exports.attach = (at, id, ...rest) => {
  const { given, callback } = split(rest)
  const separator = given[0] ?? '\n'
  const work = async () => {
    const options = { target: selector(id), lines: 0, follow: true }
    const output = at.streams.add(LogStream, async () => (await at.manager()).logs(options))
    await output.ready()
    const shown = show(output)
    const input = createInterface({ input: process.stdin })
    try {
      for await (const line of input) await at.ask({ do: 'send', selector: only(id), text: `${line}${separator}` })
    } finally {
      input.close()
      output.close()
      await shown
    }
  }
  return answer(callback, work, errors.ofProcess(id))
}

async function show(output) {
  for await (const { line, stream } of output) process[stream === 'err' ? 'stderr' : 'stdout'].write(`${line}\n`)
}

/** Has processes do what they have announced under this name, and gives what each has answered. */
exports.trigger = (at, target, action, ...rest) => {
  const { given, callback } = split(rest)
  const texts = { NOT_FOUND: 'Unknown process' }
  const work = async () => {
    const request = { do: 'trigger', selector: only(target), action: String(action) }
    if (given[0] !== undefined) request.param = plain(given[0])
    const native = await at.manager()
    const [known] = await native.list(selector(target))
    // To PM2 a name is unknown where its processes don't know the action.
    if (known && String(known.id) === String(target)) {
      texts.NOT_FOUND = `Action doesn't exist ${action} for ${known.name}`
    }
    return (await native.request(request)).map(packet)
  }
  return answer(callback, work, texts)
}

const packet = ({ at, data, process, missing }) => ({
  at,
  data: data ?? { action_name: undefined, return: undefined, missing },
  process: origin(process),
})

/** Switches the inspector of an app, which has to announce the action itself, as `@pm2/io` does. */
exports.inspect = (at, name, ...rest) => {
  const { callback } = split(rest)
  return exports.trigger(at, name, 'internal:inspect', ...(callback ? [callback] : []))
}
