// Packs what would be published, installs it elsewhere, and uses it there.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { writePlatformPackage } from './platform-package.mjs'
import { artefacts, builtPlatform, ROOT } from './sources.mjs'
import { StepFailed, tool } from './steps.mjs'

/** Nothing of the checkout's own settings may help: not its artefacts, nor what `npm test` tells its children. */
function cleanEnvironment() {
  const own = (name) => name === 'RPM_NATIVE_DIR' || name === 'RPM_HOME' || name.toLowerCase().startsWith('npm_')
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own(name)))
}

function npm(cwd, ...args) {
  return execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function pack(folder, into) {
  const [{ filename, files }] = JSON.parse(
    npm(folder, 'pack', '--json', '--ignore-scripts', '--pack-destination', into),
  )
  return { file: path.join(into, filename), files: files.map((entry) => entry.path) }
}

function node(cwd, ...args) {
  return execFileSync(process.execPath, args, { cwd, encoding: 'utf8', env: cleanEnvironment() }).trim()
}

function expect(what, actual, expected) {
  if (actual !== expected) throw new StepFailed(`${what}: expected ${expected}, got ${actual}`)
}

/** What a user does after `npm install rpm-native`. */
function use(project, version, platform) {
  const names = 'Object.keys(rpm).sort().join()'
  const required = node(project, '-e', `const rpm = require('rpm-native'); console.log(${names})`)
  const imported = node(
    project,
    '--input-type=module',
    '-e',
    `import all, * as rpm from 'rpm-native'; const { default: own, ...named } = rpm; if (own !== all) throw 0; ` +
      `for (const name of Object.keys(all)) if (all[name] !== named[name]) throw new Error(name); ` +
      `console.log(Object.keys(named).sort().join())`,
  )
  expect('names by import', imported, required)
  const loaded = node(project, '-e', `console.log(typeof require('rpm-native/package.json').version)`)
  expect('package.json', loaded, 'string')
  for (const name of ['rpm', 'rpm-native']) {
    const bin = path.join(project, 'node_modules', '.bin', name)
    const output = execFileSync(bin, ['--version'], { cwd: project, encoding: 'utf8', env: cleanEnvironment() })
    expect(`${name} --version`, output.trim().split(' ').at(-1), version)
  }
  const guardian = path.join(project, 'node_modules', `rpm-native-${platform}`, 'rpm-guardian')
  expect('the guardian', spawnSync(guardian, ['--leash', 'nobody'], { input: '' }).status, 0)
  const rpm = path.join(project, 'node_modules', '.bin', 'rpm')
  const daemon = (...args) =>
    execFileSync(rpm, args, { encoding: 'utf8', env: { ...cleanEnvironment(), RPM_HOME: path.join(project, 'home') } })
  try {
    expect('the version of the guardian', JSON.parse(daemon('ping', '--json')).guardian.version, version)
  } finally {
    daemon('kill')
  }
  const addon = `new (require('rpm-native').Supervisor)().list().then((list) => console.log(list.length))`
  expect('the addon', node(project, '-e', addon), '0')
}

export function checkPackage() {
  const platform = builtPlatform()
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const scratch = mkdtempSync(path.join(tmpdir(), 'rpm-native-package-'))
  try {
    const main = pack(ROOT, scratch)
    const stray = main.files.filter((file) => /^(src|tests|__test__|scripts|npm|target)\//.test(file))
    expect('files that do not belong into the package', stray.join(', '), '')
    cpSync(artefacts(platform).folder, path.join(scratch, 'platform'), { recursive: true })
    writePlatformPackage(path.join(scratch, 'platform'), platform)
    const native = pack(path.join(scratch, 'platform'), scratch)
    const files = ['package.json', 'rpm', 'rpm-guardian', `rpm-native.${platform}.node`]
    expect('files of the platform', native.files.sort().join(), files.join())
    const project = path.join(scratch, 'project')
    mkdirSync(project)
    writeFileSync(path.join(project, 'package.json'), '{ "name": "project", "private": true }\n')
    npm(project, 'install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', main.file, native.file)
    for (const name of ['rpm', 'rpm-guardian']) {
      const { mode } = statSync(path.join(project, 'node_modules', `rpm-native-${platform}`, name))
      expect(`who may execute ${name}`, (mode & 0o111).toString(8), '111')
    }
    use(project, version, platform)
    tool('publint', '--strict', main.file)
    tool('attw', main.file)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
