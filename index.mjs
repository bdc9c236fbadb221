// The same as index.js, for `import`: each name, and all of them as the default.

import rpm from './index.js'

export const {
  Client,
  Supervisor,
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
} = rpm

// No variable can be called so, but an export can.
const remove = rpm.delete

export { remove as delete }

export default rpm
