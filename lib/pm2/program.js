// Boot scripts, the file server, updates: what the native program does.

const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')
const { isObject } = require('../values.js')
const { run } = require('./command.js')

/** The program would begin a daemon beside the supervisor of this one. */
async function needDaemon(at, what) {
  await at.manager()
  if (!at.inside()) return
  throw failure(
    'UNSUPPORTED',
    `${what}() needs a daemon, and this supervisor is in the program itself`,
    'connect() first.',
  )
}

const flags = (options, known) =>
  Object.entries(known).flatMap(([name, flag]) => {
    const value = options?.[name]
    if (value === undefined || value === null || value === false) return []
    return value === true ? [flag] : [flag, String(value)]
  })

const STARTUP = { user: '--user', hp: '--hp', serviceName: '--service-name', waitIp: '--wait-ip', dryRun: '--dry-run' }

/** Writes and enables the boot script, as root; otherwise the error says the line for root. */
exports.startup = (at, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => bootScript(at, 'startup', given))
}

exports.uninstallStartup = (at, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => bootScript(at, 'unstartup', given))
}

async function bootScript(at, verb, given) {
  const platform = typeof given[0] === 'string' ? [given[0]] : []
  const said = await run(at, [verb, ...platform, ...flags(given.find(isObject), STARTUP)])
  return { success: true, output: said }
}

/** Writes a rule for the system's logrotate, as root. */
exports.logrotate = (at, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => bootScript(at, 'logrotate', given))
}

const SERVE = {
  spa: '--spa',
  ftp: '--ftp',
  name: '--name',
  basicAuthUsername: '--basic-auth-username',
  basicAuthPassword: '--basic-auth-password',
}

/** Serves a folder: an app of its own. */
exports.serve = (at, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => {
    await needDaemon(at, 'serve')
    const options = Object.assign({}, ...given.filter(isObject))
    const [folder = '.', port] = given.filter((value) => !isObject(value) && value !== undefined)
    const before = new Set((await at.elements()).map(({ pm_id }) => pm_id))
    await run(at, ['serve', String(folder), String(port || options.port || 8080), ...flags(options, SERVE)])
    const native = await at.manager()
    if (!callback) return (await native.list('all')).filter(({ id }) => !before.has(id))
    const added = (await native.pm2List()).filter(({ pm_id }) => !before.has(pm_id))
    return added.map((element) => ({ ...element, process: { pid: element.pid } }))
  })
}

/** Has the program of this package be the daemon; no app notices. */
exports.update = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    await needDaemon(at, 'update')
    await run(at, ['update'])
    return { success: true }
  })
}
