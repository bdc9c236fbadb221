'use strict'
// Where the native program and the addon are: the one place that knows, for bin/rpm.js and index.js alike.
// It stands on the path of every command line, so it asks the disk as little as possible.

const { existsSync } = require('node:fs')
const path = require('node:path')

const PACKAGE = path.join(__dirname, '..')

/** Names of the platform folders and packages that could serve this machine, the likelier first. */
function platforms() {
  const base = `${process.platform}-${process.arch}`
  return process.platform === 'linux' ? [`${base}-gnu`, `${base}-musl`] : [base]
}

function* folders() {
  if (process.env.RPM_NATIVE_DIR) {
    for (const platform of platforms()) yield [path.resolve(process.env.RPM_NATIVE_DIR), platform]
    return
  }
  for (const platform of platforms()) yield [path.join(PACKAGE, 'npm', platform), platform]
  for (const platform of platforms()) {
    try {
      yield [path.dirname(require.resolve(`rpm-native-${platform}/package.json`)), platform]
    } catch {
      // Not installed; `find` says so when nothing else is there.
    }
  }
}

function find(what, fileOf) {
  const seen = new Set()
  for (const [folder, platform] of folders()) {
    const file = path.join(folder, fileOf(platform))
    if (existsSync(file)) return file
    seen.add(file)
  }
  throw missing(what, [...seen])
}

function missing(what, seen) {
  const name = `rpm-native-${platforms()[0]}`
  const hint = process.env.RPM_NATIVE_DIR
    ? 'RPM_NATIVE_DIR must name the folder that holds it; unset it to use the one of the package.'
    : existsSync(path.join(PACKAGE, 'Cargo.toml'))
      ? `Run \`npm run prepare\` in ${PACKAGE} to build it.`
      : `Install the package ${name}: \`npm install --include=optional rpm-native\`.`
  const error = new Error(`rpm-native: ${what} is not there (looked for ${seen.join(', ')}). ${hint}`)
  return Object.assign(error, { code: 'NATIVE_MISSING', hint })
}

/** The native program `rpm`: the command line and the daemon. */
exports.program = () => find('the native program', () => 'rpm')

/** The native program `rpm-guardian`, beside `rpm`. */
exports.guardian = () => find('the guardian', () => 'rpm-guardian')

/** The addon, a file that `require` loads. */
exports.addon = () => find('the native addon', (platform) => `rpm-native.${platform}.node`)
