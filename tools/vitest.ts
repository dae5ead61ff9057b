// SPDX-License-Identifier: MIT
/**
 * How packages are tested: vitest projects by file name.
 *
 *     test/*.test.ts           native    examples
 *     test/*.stress.ts         stress    real threads, bounded
 *     test/*.stepped.test.ts   stepped   examples on an engine that stops before each access
 *     test/*.check.ts          check     small models through every interleaving, and what else takes long
 *
 * `npm test` runs native and stepped tests, a package on each core, then stress alone; `npm run check` runs the models.
 *
 * V1  Tests import the package's sources; other packages come as built, loaded by Node itself, so that every module
 *     of ours, `machine` above all, exists once in a test process, and its workers load the same files.
 * V2  In `stepped` and `check` the whole process resolves with the condition `stepped`, workers included.
 *
 * `machine` refuses a second copy of itself, native beside stepped too, so a breach of either stops every test.
 */
import { join } from 'node:path'
import { defaultServerConditions } from 'vite'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import type { TestProjectInlineConfiguration } from 'vitest/config'
import { loadStepping } from './stepping.ts'

const builds = /\/(packages|apps)\/[^/]+\/dist(-stepped)?\//

interface Side {
  name: string
  include: string[]
  exclude?: string[]
}

function project(side: Side, conditions: string[], plugins: Plugin[]): TestProjectInlineConfiguration {
  return {
    extends: true,
    plugins,
    ssr: { resolve: { conditions: [...conditions, ...defaultServerConditions] } },   // V2
    test: { ...side, server: { deps: { external: [builds] } } },   // V1
  }
}

const native: Side[] = [
  { name: 'native', include: ['test/**/*.test.ts'], exclude: ['test/**/*.stepped.test.ts'] },
  { name: 'stress', include: ['test/**/*.stress.ts'] },
]

const stepped: Side[] = [
  { name: 'stepped', include: ['test/**/*.stepped.test.ts'] },
  { name: 'check', include: ['test/**/*.check.ts'] },
]

/** `#name` imports of the package, and the source that its tests mean by each. */
type Aliases = Readonly<Record<string, string>>

const projects = (folder: string, transform: Plugin[], aliases: Aliases) => defineConfig({
  root: folder,
  resolve: { alias: Object.entries(aliases).map(([find, file]) => ({ find, replacement: join(folder, file) })) },
  test: {
    projects: [
      ...native.map((side) => project(side, [], [])),
      ...stepped.map((side) => project(side, ['stepped'], transform)),
    ],
    passWithNoTests: true,
    testTimeout: 60_000,   // ends a hang, measures nothing: CI machines are busy
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
  },
})

/** A package whose own sources run as they are written, on either side. */
export const plain = (folder: string, aliases: Aliases = {}) => projects(folder, [], aliases)

/** The same, but for `test/*.model.ts`, which are transformed on the stepped side. */
export async function models(folder: string, aliases: Aliases = {}) {
  const { steppedVite } = await loadStepping()
  const include = (path: string) => path.endsWith('.model.ts')
  return projects(folder, [steppedVite({ root: folder, entries: [], include })], aliases)
}

/** A package whose own sources, and the models of its tests, are transformed on the stepped side. */
export async function mechanism(folder: string, aliases: Aliases = {}) {
  const { steppedVite } = await loadStepping()
  return projects(folder, [steppedVite({ root: folder })], aliases)
}
