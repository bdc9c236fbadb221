// Temporary folders and processes, and that nothing of them outlives us.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOf } from './proc.mjs'

const folders = new Set()
const processes = new Map()

export const folder = (name) => {
  const path = mkdtempSync(join(tmpdir(), `rpm-bench-${name}-`))
  folders.add(path)
  return path
}

export const drop = (path) => {
  folders.delete(path)
  rmSync(path, { recursive: true, force: true, maxRetries: 3 })
}

// From now on `pid`, as long as it is the same process, ends with us.
export const guard = (pid) => {
  const start = startOf(pid)
  if (start) processes.set(pid, start)
}

// Kills those of `pids` that are guarded and still the same processes.
export const end = (pids = [...processes.keys()]) => {
  for (const pid of pids) {
    const start = processes.get(pid)
    processes.delete(pid)
    if (start && startOf(pid) === start) process.kill(pid, 'SIGKILL')
  }
}

export const child = (program, args, options) => {
  const started = spawn(program, args, options)
  if (started.pid) guard(started.pid)
  return started
}

export const endAll = () => {
  end()
  for (const path of folders) drop(path)
}
