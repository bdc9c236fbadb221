// Short questions about the list and the daemon.

const { answer, split } = require('../callback.js')
const { failure } = require('../errors.js')
const { selector } = require('../values.js')
const errors = require('./errors.js')

/** The ids of the processes of a name. */
exports.getProcessIdByName = (at, name, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => {
    const named = (await at.elements()).filter((element) => element.name === String(name))
    return named.map(({ pm_id }) => pm_id)
  })
}

/** The pids of the processes of a name, or of all; 0 for one that doesn't run. */
exports.getPID = (at, ...rest) => {
  const { given, callback } = split(rest)
  return answer(callback, async () => {
    const all = await at.elements()
    const meant = given[0] === undefined ? all : all.filter((element) => element.name === String(given[0]))
    return meant.map(({ pid }) => pid)
  })
}

/** The version of who answers. */
exports.getVersion = (at, ...rest) => {
  const { callback } = split(rest)
  return answer(callback, async () => (await (await at.manager()).ping()).version)
}

/** The variables of a process, by its id. */
exports.env = (at, id, ...rest) => {
  const { callback } = split(rest)
  const work = async () => {
    const wanted = selector(id)
    const found = (await at.elements()).find((element) => String(element.pm_id) === wanted)
    if (!found) throw failure('NOT_FOUND', `no process has the id ${wanted}`, 'See the ids: `list()`.')
    return found.pm2_env.env
  }
  return answer(callback, work, errors.ofProcess(id))
}
