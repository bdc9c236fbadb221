// The API: functions over the daemon that RPM_HOME names, and the classes for anything else. To a program that was
// written against PM2 the whole of it is an instance of PM2's class.

const { Client } = require('./lib/client.js')
const { Pm2 } = require('./lib/pm2/custom.js')
const { Supervisor } = require('./lib/supervisor.js')

const pm2 = new Pm2()

module.exports = { Client, Supervisor, custom: Pm2 }

// Functions that need no object: `const { start } = require('rpm-native')`.
const DEFAULT = [
  ...['connect', 'disconnect', 'start', 'stop', 'restart', 'reload', 'delete', 'reset', 'scale', 'list', 'describe'],
  ...['sendSignal', 'logs', 'events', 'flush', 'ping', 'kill'],
  // PM2's.
  ...['close', 'killDaemon', 'destroy', 'update', 'getVersion', 'getProcessIdByName', 'getPID', 'env', 'inspect'],
  ...['launchBus', 'trigger', 'sendDataToProcessId', 'sendSignalToProcessName', 'sendSignalToProcessId', 'msgProcess'],
  ...['sendLineToStdin', 'attach', 'dump', 'clearDump', 'resurrect', 'autodump', 'reloadLogs', 'serve', 'startup'],
  ...['uninstallStartup', 'logrotate', 'get', 'set', 'unset', 'multiset', 'conf'],
]
for (const name of DEFAULT) module.exports[name] = pm2[name].bind(pm2)

// There to say what to do instead; nothing to import by name.
for (const name of Object.keys(require('./lib/pm2/absent.js'))) {
  Object.defineProperty(module.exports, name, { value: pm2[name].bind(pm2), configurable: true })
}

// What PM2's programs read and set; not to be imported by name, as it changes.
for (const name of ['cwd', 'pm2_home', 'daemon_mode']) {
  const property = { get: () => pm2[name], set: (value) => Object.assign(pm2, { [name]: value }) }
  Object.defineProperty(module.exports, name, { ...property, configurable: true })
}
Object.defineProperty(Client, 'daemon_mode', { get: () => pm2.daemon_mode, configurable: true })
