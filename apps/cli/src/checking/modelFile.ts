// SPDX-License-Identifier: MIT
/**
 * Somebody's own models: a module of TypeScript, built in stepped form beside the packages it imports, and loaded.
 *
 * The build lies in a folder of its own beside the module, so that its imports resolve from there, and is taken away again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InputError } from '@bottomhalf/base'
import { didYouMean, type ModelDefinition } from '@bottomhalf/checker'
import { buildRefusal } from '../buildRefusal.js'
import { readText } from '../input.js'

/** A model of the module `file`: the one of that name, or the only one. Throws `InputError`. */
export async function loadModels(file: string, name: string | undefined): Promise<ModelDefinition<unknown>> {
  readText(file, 'a module that exports models')
  const models = modelsOf(await builtModule(resolve(file)))
  const found = name === undefined && models.length === 1 ? models[0] : models.find((model) => model.name === name)
  if (found !== undefined) return found
  const names = models.map((model) => model.name)
  const there = names.length === 0 ? 'exports no models' : `has the models ${names.join(', ')}${didYouMean(name ?? '', names)}`
  throw new InputError({ file, line: 0, column: 0 }, there, names.length === 0 ? 'export const x = defineModel({...})' : 'FILE#NAME')
}

function modelsOf(module: Readonly<Record<string, unknown>>): ModelDefinition<unknown>[] {
  return Object.values(module).filter((value): value is ModelDefinition<unknown> =>
    typeof value === 'object' && value !== null && 'threads' in value && 'cpus' in value && 'name' in value)
}

async function builtModule(file: string): Promise<Record<string, unknown>> {
  const [{ build }, { steppedEsbuild }] = await Promise.all([import('esbuild'), import('@bottomhalf/stepping')])
  const folder = mkdtempSync(join(dirname(file), '.bottomhalf-'))
  const outfile = join(folder, `${basename(file).replace(/\.[^.]*$/, '')}.mjs`)
  try {
    await build({
      entryPoints: [file], outfile, bundle: true, packages: 'external', format: 'esm', platform: 'node', target: 'node20',
      sourcemap: true, conditions: ['stepped'], logLevel: 'silent', plugins: [steppedEsbuild()],
      tsconfigRaw: {},                                   // its `paths` would lead to sources of packages that are built
    })
    return await import(pathToFileURL(outfile).href) as Record<string, unknown>
  } catch (error) {
    throw refused(file, error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What the build did not take, or the module that it made. */
function refused(file: string, error: unknown): unknown {
  const problem = error instanceof Error ? error.message : String(error)
  return buildRefusal(file, error, 'source that can be stepped')
    ?? new InputError({ file, line: 0, column: 0 }, problem, 'a module that can be loaded')
}
