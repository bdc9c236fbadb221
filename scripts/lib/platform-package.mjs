// The package.json of a platform package, which carries what was built for one platform.

import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT } from './sources.mjs'

const LIBC = { gnu: 'glibc', musl: 'musl' }

/** Writes it into `folder`, beside the artefacts. */
export function writePlatformPackage(folder, platform) {
  const main = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const [os, cpu, libc] = platform.split('-')
  const manifest = {
    name: `${main.name}-${platform}`,
    version: main.version,
    description: `The native parts of ${main.name} for ${platform}`,
    license: main.license,
    engines: main.engines,
    os: [os],
    cpu: [cpu],
    ...(libc ? { libc: [LIBC[libc]] } : {}),
    files: ['rpm', 'rpm-guardian', '*.node'],
  }
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
