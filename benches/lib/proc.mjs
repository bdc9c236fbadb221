// What the kernel tells of processes.
import { readdirSync, readFileSync } from 'node:fs'

// USER_HZ, in which /proc counts, is 100 on every Linux that Node runs on.
const TICK_MS = 10

const read = (path) => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

// The fields after the command's name, which may hold blanks and brackets.
const statOf = (pid) => {
  const text = read(`/proc/${pid}/stat`)
  return text ? text.slice(text.lastIndexOf(')') + 2).split(' ') : undefined
}

// CPU ms that processes have used, their threads that ended included.
export const cpuMs = (pids) =>
  [pids].flat().reduce((sum, pid) => {
    const stat = statOf(pid)
    return stat ? sum + (Number(stat[11]) + Number(stat[12])) * TICK_MS : sum
  }, 0)

// Identifies a process over the reuse of pids; empty when it is gone or a zombie.
export const startOf = (pid) => {
  const stat = statOf(pid)
  return stat && stat[0] !== 'Z' ? stat[19] : ''
}

export const parentOf = (pid) => Number(statOf(pid)?.[1] ?? 0)

export const nameOf = (pid) => read(`/proc/${pid}/comm`).trim()

export const childrenOf = (pid) =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((child) => parentOf(child) === pid)

export const descendantsOf = (pid) => childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])

// MiB of all processes together.
export const memory = (pids) => {
  const sum = (field, file) =>
    [pids].flat().reduce((total, pid) => {
      const found = read(`/proc/${pid}/${file}`).match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'))
      return total + Number(found?.[1] ?? 0) / 1024
    }, 0)
  return {
    rss: sum('Rss', 'smaps_rollup'),
    pss: sum('Pss', 'smaps_rollup'),
    anonymous: sum('Anonymous', 'smaps_rollup'),
    peak: sum('VmHWM', 'status'),
  }
}
