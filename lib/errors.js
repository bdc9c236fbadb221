// Errors: a message, a stable `code`, a `hint` that says what to do next.

exports.failure = (code, message, hint) => Object.assign(new Error(message), { code, hint })

/** Awaits native work. Its errors are made where no JavaScript runs, so they get the stack of this call. */
exports.traced = async (work) => {
  const call = {}
  Error.captureStackTrace(call, exports.traced)
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && !error.stack?.includes('\n    at ')) {
      error.stack = `${error.name}: ${error.message}${call.stack.slice(call.stack.indexOf('\n'))}`
    }
    throw error
  }
}
