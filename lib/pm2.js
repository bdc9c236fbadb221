// What PM2's callbacks get, made of its list (the elements of `jlist`) and of our answers.

const byId = (elements) => new Map(elements.map((element) => [element.pm_id, element]))

/** The elements of these processes, in their order. */
exports.elementsOf = (processes, elements) => {
  const known = byId(elements)
  return processes.map(({ id }) => known.get(id)).filter((element) => element !== undefined)
}

/** `start` and `scale`: elements with a `process` beside `pm2_env`. */
exports.started = (processes, elements) =>
  exports.elementsOf(processes, elements).map((element) => ({ ...element, process: { pid: element.pid } }))

/** The other verbs: a summary, twice. */
exports.acted = (processes, elements) => {
  const known = byId(elements)
  return processes.map((process) => {
    const summary = {
      name: process.name,
      namespace: process.namespace,
      pm_id: process.id,
      status: process.status,
      restart_time: process.restarts,
    }
    return { ...summary, pm2_env: { ...summary, env: known.get(process.id)?.pm2_env.env ?? {} } }
  })
}
