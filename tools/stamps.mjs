// SPDX-License-Identifier: MIT
/**
 * What has been installed and built already, so that a warm start does nothing.
 *
 * A stamp is the hash of what a step depends on, written after the step was done.
 *
 * P1  A stamp goes before its step begins: an interrupted step is done again.
 * P2  A step whose result is gone is done again, whatever its stamp says.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { folderOf, presentNames, root } from './layers.mjs'

const sharedInputs = [
  'turbo.json', 'tsconfig.base.json', 'pnpm-workspace.yaml', 'tools/tsup.ts', 'tools/pinned.ts',
  'tools/stepping.ts', 'scenarios',
]
const ownInputs = ['src', 'package.json', 'tsconfig.json', 'tsup.config.ts', 'stepping.json']

const folder = join(root, 'node_modules', '.bottomhalf')

/** Do `step` unless the stamp `name` says it was done for `want` and all `results` exist. */
export function once(name, want, results, step) {
  const stamp = join(folder, name)
  const done = existsSync(stamp) && readFileSync(stamp, 'utf8') === want
  if (done && results.every((file) => existsSync(join(root, file)))) return   // P2
  rmSync(stamp, { force: true })   // P1
  step()
  mkdirSync(folder, { recursive: true })
  writeFileSync(stamp, want)
}

/** What the installed tree depends on, by content. */
export function installFingerprint() {
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'bench/package.json']
  for (const name of presentNames()) files.push(`${folderOf(name)}/package.json`)
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${process.version}\0`)
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0')
  return hash.digest('hex')
}

/** What the builds depend on, by name, size and time of change: a walk of some hundred files, not a read. */
export function sourceFingerprint() {
  const hash = createHash('sha256').update(`${process.version}\0`)
  const add = (file) => {
    const stat = statSync(join(root, file), { throwIfNoEntry: false })
    if (stat?.isDirectory()) for (const entry of readdirSync(join(root, file)).sort()) add(`${file}/${entry}`)
    else if (stat !== undefined) hash.update(`${file} ${stat.size} ${stat.mtimeMs}\0`)
  }
  for (const file of sharedInputs) add(file)
  for (const name of presentNames()) for (const part of ownInputs) add(`${folderOf(name)}/${part}`)
  return hash.digest('hex')
}
