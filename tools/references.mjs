// SPDX-License-Identifier: MIT
/**
 * TypeScript's project references, from the dependencies in each package.json: one `tsc -b` emits all declarations in
 * order, and an import that no manifest declares does not resolve.
 *
 *     node tools/references.mjs --check    each tsconfig.build.json says what the manifests say
 *     node tools/references.mjs --write    write them
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folderOf, manifestOf, mechanism, ours, presentNames, root } from './layers.mjs'

const config = 'tsconfig.build.json'
const json = (value) => `${JSON.stringify(value, null, 2)}\n`

/** Mechanism packages do not even see the types of the platform. `machine` is where they end. */
const knowsNoPlatform = (name) => mechanism.includes(name) && name !== 'machine'

function projectOf(name) {
  const from = folderOf(name)
  const references = ours(manifestOf(name).dependencies).sort()
    .map((other) => ({ path: `${relative(from, folderOf(other))}/${config}` }))
  return {
    extends: '../../tsconfig.declarations.json',
    ...knowsNoPlatform(name) ? { compilerOptions: { types: [] } } : {},
    include: ['src'],
    references,
  }
}

/** Every file that is generated, by its path. */
export function projects() {
  const names = presentNames().sort()
  const all = { files: [], references: names.map((name) => ({ path: `${folderOf(name)}/${config}` })) }
  return new Map([
    [config, json(all)],
    ...names.map((name) => [`${folderOf(name)}/${config}`, json(projectOf(name))]),
  ])
}

function main(mode) {
  if (mode !== '--check' && mode !== '--write') {
    console.error('usage: node tools/references.mjs --check | --write')
    return 2
  }
  let stale = 0
  for (const [file, wanted] of projects()) {
    const path = join(root, file)
    if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue
    if (mode === '--write') writeFileSync(path, wanted)
    else stale += 1, console.error(`${file}: not what the manifests say: node tools/references.mjs --write`)
  }
  return stale > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv[2])
