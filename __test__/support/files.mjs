// Temporary places and the fixtures' paths.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const ROOT = path.join(import.meta.dirname, '..', '..')

export const fixture = (name) => path.join(ROOT, '__test__', 'fixtures', name)

export const temporary = () => mkdtempSync(path.join(tmpdir(), 'rpm-test-'))

export const remove = (folder) => rmSync(folder, { recursive: true, force: true })
