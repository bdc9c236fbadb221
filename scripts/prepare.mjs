// Builds the native program and the addon into npm/<platform>/, each only when it is older than its sources.
// Runs as npm's `prepare`: after `npm install` in a checkout, before packing, and by hand.

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import {
  artefacts,
  builtPlatform,
  digests,
  napiCli,
  PROFILE,
  platformOf,
  ROOT,
  stale,
  writeStamp,
} from './lib/sources.mjs'

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const say = (text) => process.stderr.write(`rpm-native: ${text}\n`)

class BuildError extends Error {}

function run(command, args, what, env = process.env) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error?.code === 'ENOENT') {
    throw new BuildError(
      `${command} was not found. Building from a checkout needs Rust: install it from https://rustup.rs ` +
        '(or your distribution), then run `npm run prepare`.',
    )
  }
  if (error) throw error
  if (status !== 0) throw new BuildError(`building ${what} failed (${signal ?? `exit code ${status}`}); see above.`)
}

function ask(command, args) {
  const { stdout, status, error } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (error || status !== 0) {
    throw new BuildError(
      `\`${command} ${args.join(' ')}\` does not run. Building from a checkout needs Rust: install it from ` +
        'https://rustup.rs (or your distribution), then run `npm run prepare`.',
    )
  }
  return stdout
}

function host() {
  const target = /^host: (.+)$/m.exec(ask('rustc', ['-vV']))?.[1]
  const platform = platformOf(target)
  if (!platform) throw new BuildError(`no package is laid out for ${target}.`)
  return { target, platform }
}

/** Puts a file in place in one step: what runs or loads the old one goes on with it. */
function place(from, to) {
  mkdirSync(path.dirname(to), { recursive: true })
  const temporary = `${to}.${process.pid}.tmp`
  copyFileSync(from, temporary)
  chmodSync(temporary, 0o755)
  renameSync(temporary, to)
}

/** napi's CLI looks for `--profile dev` in a folder that cargo calls `debug`. */
const napiProfile = () => (PROFILE === 'dev' ? [] : ['--profile', PROFILE])

const builders = {
  program: {
    title: 'the native program',
    build({ target, output, platform }) {
      run('cargo', ['build', '--profile', PROFILE, '--locked', '--target', target, '--bin', 'rpm'], this.title)
      place(path.join(output, 'rpm'), artefacts(platform).program)
    },
  },
  guardian: {
    title: 'the guardian',
    build({ target, platform }) {
      // Small whatever else is built; a development build is for its speed.
      const profile = PROFILE === 'dev' ? 'dev' : 'guardian'
      const cargo = ['build', '--profile', profile, '--locked', '--target', target, '--no-default-features']
      cargo.push('--features', 'guardian', '--bin', 'rpm-guardian')
      if (profile === 'dev') run('cargo', cargo, this.title)
      else this.link(cargo)
      const folder = profile === 'dev' ? 'debug' : profile
      place(path.join(targetDirectory(), target, folder, 'rpm-guardian'), artefacts(platform).guardian)
    },
    /** Without shared libraries it needs half the memory; where the static C library is missing it takes the shared. */
    link(cargo) {
      const RUSTFLAGS = [process.env.RUSTFLAGS, '-C target-feature=+crt-static'].filter(Boolean).join(' ')
      try {
        run('cargo', cargo, this.title, { ...process.env, RUSTFLAGS })
      } catch (error) {
        if (!(error instanceof BuildError)) throw error
        say('linking the guardian statically failed (is libc.a installed?); linking it dynamically …')
        run('cargo', cargo, this.title)
      }
    },
  },
  addon: {
    title: 'the Node addon',
    build({ target, platform, scratch }) {
      const cli = ['build', '--platform', ...napiProfile(), '--target', target, '--no-default-features']
      cli.push(
        '--features',
        'addon',
        '--no-js',
        '--no-const-enum',
        '--dts',
        'native.d.ts',
        '--output-dir',
        scratch,
        '--',
        '--locked',
        '--lib',
      )
      run(process.execPath, [napiCli(), ...cli], this.title)
      const { addon, types } = artefacts(platform)
      place(path.join(scratch, path.basename(addon)), addon)
      place(path.join(scratch, 'native.d.ts'), types)
    },
  },
}

function targetDirectory() {
  const metadata = ask('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline', '--locked'])
  return JSON.parse(metadata).target_directory
}

function buildStale() {
  const wanted = digests()
  if (stale(builtPlatform(), wanted).length === 0) return
  const { target, platform } = host()
  const names = stale(platform, wanted)
  const output = path.join(targetDirectory(), target, PROFILE === 'dev' ? 'debug' : PROFILE)
  mkdirSync(artefacts(platform).folder, { recursive: true })
  const scratch = mkdtempSync(path.join(artefacts(platform).folder, '.build-'))
  try {
    for (const [index, name] of names.entries()) {
      const begun = performance.now()
      say(`building ${builders[name].title} (${index + 1} of ${names.length}, ${PROFILE}, ${target}) …`)
      builders[name].build({ target, platform, output, scratch })
      writeStamp(platform, name, wanted[name])
      say(`built ${builders[name].title} in ${seconds(begun)}: ${path.relative(ROOT, artefacts(platform)[name])}`)
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Whether there is anything to build from, and anyone to build for: `npx` runs this too, without a word. */
function wanted() {
  const checkout = ['Cargo.toml', 'src'].every((name) => existsSync(path.join(ROOT, name)))
  return checkout && process.env.npm_command !== 'exec'
}

function main() {
  if (!wanted()) return 0
  try {
    buildStale()
    if (process.argv.includes('--types'))
      copyFileSync(path.join(ROOT, 'npm', 'native.d.ts'), path.join(ROOT, 'native.d.ts'))
    return 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    say(error.message)
    return 1
  }
}

process.exitCode = main()
