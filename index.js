// The API: functions over the daemon that RPM_HOME names, and the classes for anything else.

const { Client } = require('./lib/client.js')
const { Supervisor } = require('./lib/supervisor.js')

const client = new Client()

module.exports = {
  Client,
  Supervisor,
  connect: client.connect.bind(client),
  disconnect: client.disconnect.bind(client),
  start: client.start.bind(client),
  stop: client.stop.bind(client),
  restart: client.restart.bind(client),
  reload: client.reload.bind(client),
  delete: client.delete.bind(client),
  reset: client.reset.bind(client),
  scale: client.scale.bind(client),
  list: client.list.bind(client),
  describe: client.describe.bind(client),
  sendSignal: client.sendSignal.bind(client),
  logs: client.logs.bind(client),
  events: client.events.bind(client),
  flush: client.flush.bind(client),
  ping: client.ping.bind(client),
  kill: client.kill.bind(client),
}
