// How to reach the daemon of a home.

const artefacts = require('./artefacts.js')
const { native } = require('./native.js')

/**
 * Gives the native manager of the moment; without a home RPM_HOME counts, as it is at each call. A native manager holds
 * no connection, so there is nothing to gain by keeping one.
 */
exports.daemonOf = (home) => () =>
  native().NativeManager.connect(home ?? (process.env.RPM_HOME || undefined), artefacts.program())
