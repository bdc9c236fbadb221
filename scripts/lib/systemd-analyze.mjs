// systemd's own check of units, for the tests that hold ours against it. Where it isn't installed, Debian's package
// and the libraries that it needs are unpacked into target/tools: nothing of the machine is changed, and root is not needed.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './sources.mjs'

const NAME = 'systemd-analyze'
/** For each step on the way; a machine without a network is told of sooner. */
const PATIENCE = 30_000

class Missing extends Error {}

const works = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

function out(cwd, command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: PATIENCE })
  if (status === 0) return stdout
  throw new Missing(`${command}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`)
}

/** apt with an index and a cache of its own, as anybody may have them; what is installed it reads from the system. */
function apt(folder) {
  const [lists, cache] = [join(folder, 'lists'), join(folder, 'cache')]
  for (const path of [`${lists}/partial`, `${cache}/archives/partial`]) mkdirSync(path, { recursive: true })
  const options = [
    `Dir::State::Lists=${lists}`,
    `Dir::Cache=${cache}`,
    'APT::Sandbox::User=',
    'Debug::NoLocking=true',
    'Acquire::Retries=0',
    'Acquire::http::Timeout=10',
    'Acquire::Languages=none',
  ]
  const flags = options.flatMap((option) => ['-o', option])
  return (...args) => out(cache, 'apt-get', '-q', ...flags, ...args)
}

/** Whatever installing systemd would bring along. */
function packages(run) {
  const plan = run('install', '--simulate', '--no-install-recommends', 'systemd')
  return [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name)
}

/** A program that runs what was unpacked with the libraries and the units that came with it. */
function wrapper(root) {
  const library = readdirSync(join(root, 'usr/lib')).find((name) => name.endsWith('-linux-gnu'))
  const libraries = ['usr/lib', 'lib'].flatMap((lib) => [`${lib}/${library}/systemd`, `${lib}/${library}`])
  return `#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
case " $* " in
*" --user "*) units=$root/usr/lib/systemd/user ;;
*) units=$root/lib/systemd/system ;;
esac
export SYSTEMD_UNIT_PATH="\${SYSTEMD_UNIT_PATH-$units:}"
export LD_LIBRARY_PATH="${libraries.map((path) => `$root/${path}`).join(':')}"
exec "$root/usr/bin/${NAME}" "$@"
`
}

function fetched() {
  const folder = join(ROOT, 'target/tools/systemd')
  const program = join(folder, NAME)
  if (works(program)) return program
  if (!existsSync('/usr/bin/apt-get')) throw new Missing('it is not installed, and there is no apt-get to fetch it')
  const making = `${folder}.${process.pid}`
  try {
    const run = apt(making)
    run('update')
    const names = packages(run)
    if (names.length === 0) throw new Missing('systemd is installed, and its program does not run')
    run('download', ...names)
    const root = join(making, 'root')
    const cache = join(making, 'cache')
    for (const file of readdirSync(cache).filter((file) => file.endsWith('.deb'))) {
      out(cache, 'dpkg-deb', '-x', file, root)
    }
    for (const name of ['lists', 'cache']) rmSync(join(making, name), { recursive: true })
    writeFileSync(join(making, NAME), wrapper(root))
    chmodSync(join(making, NAME), 0o755)
    rmSync(folder, { recursive: true, force: true })
    renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
  if (!works(program)) throw new Missing(`${program} does not run`)
  return program
}

/** Its path, or why there is none. */
export function systemdAnalyze() {
  try {
    return { program: works(NAME) ? NAME : fetched() }
  } catch (error) {
    if (error instanceof Missing) return { why: error.message }
    throw error
  }
}
