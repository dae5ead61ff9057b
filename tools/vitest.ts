// SPDX-License-Identifier: MIT
/**
 * How packages are tested: vitest projects by file name.
 *
 *     test/*.test.ts           native    examples
 *     test/*.stress.ts         stress    real threads, native
 *     test/*.stepped.test.ts   stepped   the package's sources in stepped form
 *     test/*.check.ts          check     small models through every interleaving, stepped
 *
 * V1  Tests import the package's sources; other packages come as built, loaded by Node itself, so that every module
 *     of ours, `machine` above all, exists once in a test process and its workers see the same files.
 * V2  In the stepped projects the whole process resolves with the condition `stepped`, workers included.
 */
import { join } from 'node:path'
import { defaultServerConditions } from 'vite'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import type { TestProjectInlineConfiguration } from 'vitest/config'

const builds = /\/(packages|apps)\/[^/]+\/dist(-stepped)?\//

interface Side {
  name: string
  include: string[]
  exclude?: string[]
  plugins?: Plugin[]
  conditions?: string[]
}

function project(side: Side): TestProjectInlineConfiguration {
  return {
    extends: true,
    plugins: side.plugins ?? [],
    ssr: { resolve: { conditions: [...side.conditions ?? [], ...defaultServerConditions] } },   // V2
    test: {
      name: side.name, include: side.include, exclude: side.exclude ?? [],
      server: { deps: { external: [builds] } },   // V1
    },
  }
}

const native = (): Side[] => [
  { name: 'native', include: ['test/**/*.test.ts'], exclude: ['test/**/*.stepped.test.ts'] },
  { name: 'stress', include: ['test/**/*.stress.ts'] },
]

const run = (folder: string, sides: Side[]) => defineConfig({
  root: folder,
  test: {
    projects: sides.map(project),
    passWithNoTests: true,
    reporters: ['default', ['json', { outputFile: join(folder, 'test-report.json') }]],
  },
})

/** A package that is built once. */
export const plain = (folder: string) => run(folder, native())

/** A package with a native and a stepped form. */
export async function mechanism(folder: string) {
  const { steppedVite } = await import('@bottomhalf/stepping') as { steppedVite?: () => Plugin }
  if (steppedVite === undefined) return run(folder, native())
  const stepped = { plugins: [steppedVite()], conditions: ['stepped'] }
  return run(folder, [
    ...native(),
    { name: 'stepped', include: ['test/**/*.stepped.test.ts'], ...stepped },
    { name: 'check', include: ['test/**/*.check.ts'], ...stepped },
  ])
}
