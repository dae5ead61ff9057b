// SPDX-License-Identifier: MIT
/**
 * Modules of the user's own, or altered ones, as forms: built by the rules of mechanism code, then linked.
 *
 * UP1  A mistake is told with its place before anything runs.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkForm } from './link.js'

const here = fileURLToPath(new URL('..', import.meta.url))
const workspace = join(here, '..', '..')

/**
 * Link a protocol, a file of TypeScript that takes the place of `#protocol`, and let `use` have the linked file, which is
 * gone afterwards. Rejects with esbuild's `BuildFailure` for a file that breaks a rule.
 */
export async function withProtocol<T>(file: string, use: (linked: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const [built = ''] = await buildStepped([resolve(file)], folder)
    const linked = join(folder, 'linked.js')
    await linkForm({ '#protocol': built }, linked)
    return await use(linked)
  })
}

/** A folder below the builds, where imports of our packages resolve; it is taken away again. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const own = join(here, 'dist-stepped', 'own')
  await mkdir(own, { recursive: true })
  const folder = await mkdtemp(join(own, 'form-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Build modules of one folder in stepped form (UP1); answers the files that were built. */
export async function buildStepped(files: readonly string[], outdir: string): Promise<string[]> {
  // loaded when asked for: a compiler is a second of everybody's start
  const [{ build }, { steppedEsbuild }] = await Promise.all([import('esbuild'), import('@bottomhalf/stepping')])
  await build({
    entryPoints: [...files], outdir, bundle: false, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent',
    sourcemap: 'inline', absWorkingDir: dirname(files[0] ?? here), tsconfigRaw: {},
    plugins: [steppedEsbuild({ mechanism: true, tsconfig: join(workspace, 'tsconfig.base.json') })],
  })
  return files.map((file) => join(outdir, `${basename(file).replace(/\.[^.]*$/, '')}.js`))
}
