// What a program prints to be compared: one line of JSON for each outcome. PM2 prints lines of its own between them.

const pm2 = require(process.env.PM2_MODULE)

exports.pm2 = pm2

exports.tell = (what, ...values) => process.stdout.write(`=${JSON.stringify([what, ...values])}\n`)

/** The outcome of a call: `[error, result, socket]`. */
exports.call = (method, ...args) =>
  new Promise((resolve) => {
    const ask = () => pm2[method](...args, told)
    // An answer that comes before PM2 listens for it is lost to it.
    const again = method === 'trigger' && setInterval(ask, 3000)
    const told = (error, ...results) => {
      clearInterval(again)
      resolve([error, ...results])
    }
    ask()
  })

/** Calls, and tells what came of it: the message of its error, or what `show` makes of its result. */
exports.outcome = async (show, method, ...args) => {
  // PM2 writes into what it is given.
  const asked = JSON.parse(JSON.stringify(args))
  const [error, result] = await exports.call(method, ...args)
  exports.tell(method, ...asked, error ? { error: error.message } : { result: show(result) })
  return result
}

/** Waits for a fact. */
exports.until = async (what, check) => {
  const end = Date.now() + 20_000
  while (Date.now() < end) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`${what}: not within 20 s`)
}

/** The bus, when it hears: PM2 has no word for that, so something is started until its event has come. */
exports.listening = async () => {
  const [error, bus, socket] = await exports.call('launchBus')
  exports.tell('launchBus', error, typeof bus.on, typeof bus.off, typeof socket.close)
  let heard = false
  bus.on('process:event', () => {
    heard = true
  })
  await exports.until('the bus', async () => {
    await exports.call('start', { script: 'writer.cjs', name: 'probe', autorestart: false })
    return heard
  })
  await exports.call('delete', 'probe')
  bus.off('process:event')
  return bus
}

const SUMMARY = ['name', 'namespace', 'pm_id', 'status', 'restart_time']
const pick = (object, names) => Object.fromEntries(names.map((name) => [name, object[name]]))

exports.acted = (processes) =>
  processes.map((process) => ({
    keys: Object.keys(process).sort(),
    ...pick(process, SUMMARY),
    inner: pick(process.pm2_env, SUMMARY),
    env: typeof process.pm2_env.env,
  }))

exports.started = (processes) =>
  processes.map(({ process, pm2_env }) => ({ pid: typeof process.pid, ...pick(pm2_env, [...SUMMARY, 'exec_mode']) }))

exports.listed = (elements) =>
  elements
    .map((element) => ({
      keys: ['monit', 'name', 'pid', 'pm2_env', 'pm_id'].filter((key) => key in element),
      monit: Object.keys(element.monit).sort(),
      runs: element.pid > 0,
      name: element.name,
      pm_id: element.pm_id,
      ...pick(element.pm2_env, [...SUMMARY, 'exec_mode', 'pm_exec_path', 'instances']),
    }))
    .sort((left, right) => left.pm_id - right.pm_id)

exports.same = (value) => value
exports.nothing = () => undefined
exports.count = (list) => list.length

exports.main = async (work) => {
  try {
    await work()
  } catch (error) {
    exports.tell('failed', error.stack)
    process.exitCode = 1
  }
  // A daemon that doesn't answer is ended by whoever runs this.
  setTimeout(() => process.exit(1), 30_000).unref()
  await exports.call('kill')
  pm2.disconnect(() => process.exit())
}
