// What each built artefact is made of, and whether the one that is there was made of that.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

export const ROOT = path.join(import.meta.dirname, '..', '..')

const require = createRequire(import.meta.url)

/** `release`, or what RPM_BUILD_PROFILE names; `dev` builds quickest. */
export const PROFILE = process.env.RPM_BUILD_PROFILE || 'release'

const FILES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'rust-toolchain.toml']

const isIn = (file, places) => places.some((place) => file.startsWith(place))

/** Whether an artefact contains a file, so that a change elsewhere leaves it as it is. */
const CONTAINS = {
  program: (file) => !isIn(file, ['src/addon/', 'src/bin/']),
  guardian: (file) =>
    !isIn(file, ['src/']) ||
    isIn(file, ['src/bin/', 'src/guardian/', 'src/sys/', 'src/lib.rs', 'src/clock.rs', 'src/paths.rs']),
  addon: (file) => !isIn(file, ['src/cli/', 'src/daemon/', 'src/server/', 'src/tui/', 'src/main.rs', 'src/bin/']),
}

/** Rust's names of the platforms we build on, and Node's. */
const PLATFORMS = {
  'x86_64-unknown-linux-gnu': 'linux-x64-gnu',
  'aarch64-unknown-linux-gnu': 'linux-arm64-gnu',
  'x86_64-unknown-linux-musl': 'linux-x64-musl',
  'aarch64-unknown-linux-musl': 'linux-arm64-musl',
  'x86_64-apple-darwin': 'darwin-x64',
  'aarch64-apple-darwin': 'darwin-arm64',
}

export const platformOf = (target) => PLATFORMS[target]

export function artefacts(platform) {
  const folder = path.join(ROOT, 'npm', platform)
  return {
    folder,
    program: path.join(folder, 'rpm'),
    guardian: path.join(folder, 'rpm-guardian'),
    addon: path.join(folder, `rpm-native.${platform}.node`),
    stamp: path.join(folder, '.stamp.json'),
    types: path.join(ROOT, 'npm', 'native.d.ts'),
  }
}

/** The folder that an earlier build left, without asking the compiler which one is ours. */
export function builtPlatform() {
  const suffix = { linux: ['-gnu', '-musl'] }[process.platform] ?? ['']
  const names = suffix.map((libc) => `${process.platform}-${process.arch}${libc}`)
  return names.find((name) => existsSync(artefacts(name).stamp))
}

function* rustFiles(folder) {
  const entries = readdirSync(path.join(ROOT, folder), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) yield* rustFiles(name)
    else yield name
  }
}

/** A digest of each artefact's sources. Contents, not times: a checkout sets times as it likes. */
export function digests() {
  const hashes = Object.fromEntries(Object.keys(CONTAINS).map((name) => [name, createHash('sha256').update(PROFILE)]))
  for (const file of [...FILES.filter((name) => existsSync(path.join(ROOT, name))), ...rustFiles('src')]) {
    const content = readFileSync(path.join(ROOT, file))
    for (const [artefact, hash] of Object.entries(hashes)) {
      if (CONTAINS[artefact](file)) hash.update(`\0${file}\0`).update(content)
    }
  }
  return Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [name, hash.digest('hex')]))
}

export function readStamp(platform) {
  try {
    return JSON.parse(readFileSync(artefacts(platform).stamp, 'utf8'))
  } catch {
    return {}
  }
}

/** Which artefacts have to be built. */
export function stale(platform, wanted) {
  const have = platform ? readStamp(platform) : {}
  return Object.keys(CONTAINS).filter(
    (name) => !platform || have[name] !== wanted[name] || !existsSync(artefacts(platform)[name]),
  )
}

export function writeStamp(platform, name, digest) {
  const { folder, stamp } = artefacts(platform)
  mkdirSync(folder, { recursive: true })
  const next = { ...readStamp(platform), [name]: digest }
  const temporary = `${stamp}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(next, null, 2)}\n`)
  renameSync(temporary, stamp)
}

export const napiCli = () => require.resolve('@napi-rs/cli').replace(/dist.*$/, 'dist/cli.js')
