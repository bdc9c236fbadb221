// The same as index.js, for `import`: each name, and all of them as the default.

import rpm from './index.js'

export const {
  Client,
  Supervisor,
  custom,
  connect,
  disconnect,
  start,
  stop,
  restart,
  reload,
  reset,
  scale,
  list,
  describe,
  sendSignal,
  logs,
  events,
  flush,
  ping,
  kill,
  close,
  killDaemon,
  destroy,
  update,
  getVersion,
  getProcessIdByName,
  getPID,
  env,
  inspect,
  launchBus,
  trigger,
  sendDataToProcessId,
  sendSignalToProcessName,
  sendSignalToProcessId,
  msgProcess,
  sendLineToStdin,
  attach,
  dump,
  clearDump,
  resurrect,
  autodump,
  reloadLogs,
  serve,
  startup,
  uninstallStartup,
  logrotate,
  get,
  set,
  unset,
  multiset,
  conf,
} = rpm

// No variable can be called so, but an export can.
const remove = rpm.delete

export { remove as delete }

export default rpm
