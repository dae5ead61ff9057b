// SPDX-License-Identifier: MIT
/**
 * How packages are built: `plain()` for Node-side packages, `mechanism()` for those with a stepped form.
 *
 * One config gives both builds: `tsup` writes dist/, `tsup --out-dir dist-stepped` the stepped form of the same
 * sources. Types come from `tsc -b`, not from here, so a build needs neither types nor the builds of other packages.
 *
 * W1  No build removes the declarations that tsc put beside its output.
 * W2  The native form of mechanism code is not bundled: esbuild turns every top-level `const` of a bundle into `var`,
 *     and V8 folds constants only. Measured: list add and delete 12-16 ns with `var`, 5-6 ns with `const`. For the same
 *     reason what its modules import and export is pinned: see pinned.ts.
 * W3  Where forms of the history (SPEC 14) differ, a module takes the place of another: those packages keep their modules.
 */
import { copyFile } from 'node:fs/promises'
import { defineConfig } from 'tsup'
import type { Options } from 'tsup'
import { pinned } from './pinned.ts'
import { loadStepping } from './stepping.ts'

export interface BuildOptions {
  entry?: string[] | Record<string, string>
  platform?: 'node' | 'neutral'
  /** Module names left for run time beside the package's dependencies: `#name` imports that a condition picks. */
  external?: string[]
  /** A folder whose files are copied into dist/. */
  publicDir?: string
}

export interface MechanismOptions extends BuildOptions {
  /** The stepped form is not bundled either: each module of it can be exchanged for another (W3). */
  steppedModules?: boolean
  /** The stepped side is written by hand: its entry, and `stepping.json` beside package.json is its manifest. */
  steppedByHand?: Record<string, string>
}

const common: Options = {
  format: ['esm'],
  target: 'node20.19',
  dts: false,
  sourcemap: true,
  removeNodeProtocol: false,
  silent: true,
  clean: ['!**/*.d.ts', '!**/*.d.ts.map', '!**/*.tsbuildinfo'],   // W1
}

const dist = (options: BuildOptions): Options => ({
  ...common,
  entry: options.entry ?? ['src/index.ts'],
  platform: options.platform ?? 'node',
  publicDir: options.publicDir ?? false,
  external: [/^node:/, ...options.external ?? []],
  outDir: 'dist',
})

type Plugin = NonNullable<Options['plugins']>[number]

const pin: Plugin = {
  name: 'pinned',
  renderChunk: (code, chunk) => (chunk.path.endsWith('.js') ? { code: pinned(code) } : undefined),
}

/** A package that is built once. */
export const plain = (options: BuildOptions = {}) => defineConfig(dist(options))

/** A package with a native and a stepped form. */
export const mechanism = (options: MechanismOptions = {}) => defineConfig(async (command) => {
  const native = dist({ platform: 'neutral', ...options })
  if (command.outDir !== 'dist-stepped') return { ...native, entry: ['src/**/*.ts'], bundle: false, plugins: [pin] }   // W2
  const stepped: Options = { ...native, outDir: 'dist-stepped' }
  if (options.steppedByHand !== undefined) {
    const manifest = () => copyFile('stepping.json', 'dist-stepped/stepping.json')
    return { ...stepped, entry: options.steppedByHand, onSuccess: manifest }
  }
  const { steppedEsbuild } = await loadStepping()
  const modules = options.steppedModules === true ? { entry: ['src/**/*.ts'], bundle: false } : {}
  return { ...stepped, ...modules, esbuildPlugins: [steppedEsbuild()] }
})
