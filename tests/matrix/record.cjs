// Loaded before an app (`node -r`): notes the connections that this worker is handed, each before Node says that it has
// taken it. What a killed worker has not noted here, it can't have accepted.

const { openSync, writeSync } = require('node:fs')

const notes = openSync(`${process.env.MATRIX_NOTES}/${process.pid}`, 'a')

process.prependListener('internalMessage', (message, handle) => {
  if (message.act !== 'newconn' || !handle?.getpeername) return
  const peer = {}
  if (handle.getpeername(peer) === 0) writeSync(notes, `${peer.port} ${process.hrtime.bigint()}\n`)
})
