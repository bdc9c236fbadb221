// What PM2's callbacks get, made of its list (the elements of `jlist`) and of our answers.

const byId = (elements) => new Map(elements.map((element) => [element.pm_id, element]))

/** The elements of these processes, in their order. */
exports.elementsOf = (processes, elements) => {
  const known = byId(elements)
  return processes.map(({ id }) => known.get(id)).filter((element) => element !== undefined)
}

const summary = (process) => ({
  name: process.name,
  namespace: process.namespace,
  pm_id: process.id,
  status: process.status,
  restart_time: process.restarts,
})

/** `start`: elements with a `process` beside `pm2_env`, and what the other verbs give where it has restarted. */
exports.started = (processes, elements) => {
  const known = byId(elements)
  return processes.flatMap((process) => {
    const element = known.get(process.id)
    return element ? [{ ...summary(process), ...element, process: { pid: element.pid } }] : []
  })
}

/** The other verbs: a summary, twice. What is deleted has stopped before. */
exports.acted = (processes, elements, deleted = false) => {
  const known = byId(elements)
  return processes.map((process) => {
    const told = { ...summary(process), ...(deleted && { status: 'stopped' }) }
    return { ...told, pm2_env: { ...told, env: known.get(process.id)?.pm2_env.env ?? {} } }
  })
}

/** Of whom a packet tells. */
exports.origin = ({ id, name, namespace }) => ({ pm_id: id, name, namespace })
