// Errors as PM2's callbacks get them: programs compare these texts. Ours is the `cause`, with the same `code` and `hint`.

/** What PM2 says, by our codes. A method says what differs. */
const TEXTS = {
  NOT_FOUND: 'process or namespace not found',
  ALREADY_RUNNING: 'Script already launched',
  RELOAD_IN_PROGRESS: 'Reload in progress',
}

/** `all` of an empty list. */
exports.ofTarget = (target) => (target === 'all' ? { NOT_FOUND: 'process name not found' } : {})

exports.ofScale = { NOT_FOUND: 'App not found', SAME_SIZE: 'Same process number' }

exports.ofName = { NOT_FOUND: 'Unknown process name' }

exports.ofProcess = (id) => ({
  NOT_FOUND: `Process with ID <${id}> unknown.`,
  NOT_RUNNING: `Process with ID <${id}> offline.`,
})

/** A start fails for many reasons; of one of them PM2 has words that programs look for. */
function ofStart({ code, message }) {
  const [, user] = (code === 'START_FAILED' && /there is no user (\S+)$/.exec(message)) || []
  return user && `User ${user} cannot be found`
}

exports.asPm2 = (error, texts = {}) => {
  if (!(error instanceof Error)) return error
  const text = { ...TEXTS, ...texts }[error.code] ?? ofStart(error)
  if (text === undefined) return error
  const told = Object.assign(new Error(text, { cause: error }), { code: error.code, hint: error.hint ?? error.message })
  // Where the call was made, not where its outcome was put into other words.
  const frames = error.stack?.indexOf('\n    at ') ?? -1
  if (frames >= 0) told.stack = `${told.name}: ${text}${error.stack.slice(frames)}`
  return told
}
