// Everything that has to hold, cheapest first. `npm test -- rust` runs the steps whose name contains "rust".

import { readFileSync } from 'node:fs'
import { checkPackage } from './lib/package-check.mjs'
import { artefacts, builtPlatform, ROOT } from './lib/sources.mjs'
import { hasCargo, run, runSteps, StepFailed, tool } from './lib/steps.mjs'
import { systemdAnalyze } from './lib/systemd-analyze.mjs'

// Everything at once, so that it is compiled once: the command line, the addon, and the places where tests have the
// daemon killed, which are nothing in what is shipped. Each alone, as it is shipped, is what `build` builds.
const ALL = ['--features', 'addon,faults']

function typesAreFresh() {
  const [fresh, committed] = [artefacts(builtPlatform()).types, `${ROOT}/native.d.ts`].map((file) =>
    readFileSync(file, 'utf8'),
  )
  if (fresh !== committed) {
    throw new StepFailed('native.d.ts is not what the Rust types say now: `npm run types` writes it anew.')
  }
}

function rustTests() {
  const { program, why } = systemdAnalyze()
  if (program) process.env.RPM_SYSTEMD_ANALYZE = program
  else process.stdout.write(`   units are not held against systemd's own check: ${why}\n`)
  if (hasCargo('nextest')) return run('cargo', 'nextest', 'run', '--locked', ...ALL)
  run('cargo', 'test', '--locked', ...ALL)
}

const steps = [
  { name: 'rust format', run: () => run('cargo', 'fmt', '--check') },
  { name: 'js format and lint', run: () => tool('biome', 'check', '--error-on-warnings') },
  {
    name: 'licences and bans',
    skip: () => (hasCargo('deny') ? undefined : 'cargo-deny is not installed'),
    run: () => run('cargo', 'deny', '--offline', 'check', 'licenses', 'bans'),
  },
  {
    name: 'rust lint',
    run: () => run('cargo', 'clippy', '--locked', '--all-targets', ...ALL, '--', '-D', 'warnings'),
  },
  { name: 'types', run: () => tool('tsc', '-p', '.') },
  { name: 'rust tests', run: rustTests },
  { name: 'build', run: () => run(process.execPath, 'scripts/prepare.mjs') },
  { name: 'generated types', run: typesAreFresh },
  { name: 'node tests', run: () => tool('vitest', 'run') },
  { name: 'node tests under jest', run: () => tool('jest') },
  // What is there without a network; `npm run matrix` is all of it.
  { name: 'matrix', run: () => run(process.execPath, 'scripts/matrix.mjs', '--reduced') },
  { name: 'package', run: checkPackage },
]

const wanted = process.argv.slice(2)
const chosen = wanted.length === 0 ? steps : steps.filter(({ name }) => wanted.some((word) => name.includes(word)))
if (chosen.length === 0) {
  process.stderr.write(
    `no step is called like ${wanted.join(', ')}; there are: ${steps.map(({ name }) => name).join(', ')}\n`,
  )
}
process.exitCode = chosen.length === 0 ? 1 : await runSteps(chosen)
