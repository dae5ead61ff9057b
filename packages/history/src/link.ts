// SPDX-License-Identifier: MIT
/**
 * Links a form: the worker with the models, passthrough-io and passthrough-pci as shipped in stepped form, and the form's
 * modules in place of theirs. One file; every other package is loaded by Node.
 *
 * LF1  Only passthrough-io and passthrough-pci are exchanged in; what they stand on is the same for every form, and is
 *      loaded once in a thread.
 * LF2  A module that a form names and the packages do not have is an error: a form never silently does nothing.
 */
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OnResolveArgs, OnResolveResult, Plugin } from 'esbuild'

/**
 * What takes which module's place: `#protocol` and its like, or the name of a source file of passthrough-io (`assist`); to
 * an absolute path, or the name of a module of `forms/`.
 */
export type Exchanges = Readonly<Record<string, string>>

const stepped = fileURLToPath(new URL('../dist-stepped/', import.meta.url))

const models = join(stepped, 'models')

/** Where the linked file of a form lies. */
export const linkedFile = (form: string): string => join(stepped, 'linked', `${form}.js`)

/** Link a form and write it to `outfile`. Throws if a module is missing. */
export async function linkForm(exchanges: Exchanges, outfile: string): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true })
  const used = new Set<string>()
  const { build: bundle } = await import('esbuild')
  await bundle({
    entryPoints: [join(stepped, 'worker.js')], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20',
    // tsconfigRaw: the workspace's path aliases would lead to sources
    conditions: ['stepped'], sourcemap: true, logLevel: 'silent', tsconfigRaw: {}, plugins: [exchangePlugin(exchanges, used)],
  })
  const unused = Object.keys(exchanges).filter((name) => !used.has(name))
  if (unused.length > 0) throw new Error(`no module ${unused.join(', ')} to take the place of`)         // LF2
}

function exchangePlugin(exchanges: Exchanges, used: Set<string>): Plugin {
  return {
    name: 'exchange',
    setup: (build) => {
      build.onResolve({ filter: /.*/ }, async (args): Promise<OnResolveResult | undefined> => {
        if (args.kind === 'entry-point' || args.pluginData === asShipped) return undefined
        const name = exchangeable(args)
        const other = name === undefined ? undefined : exchanges[name]
        if (name !== undefined && other !== undefined) {
          used.add(name)
          return { path: pathOf(other) }
        }
        const end = guestEnds[args.path]
        if (end !== undefined && !args.importer.startsWith(models)) return { path: join(models, end) }
        if (/^(\.|#|\/)/.test(args.path) || /^@bottomhalf\/passthrough-/.test(args.path)) {             // LF1
          const { resolveDir, kind, importer } = args
          return build.resolve(args.path, { resolveDir, kind, importer, pluginData: asShipped })
        }
        return { path: args.path, external: true }
      })
    },
  }
}

/** Packages that all but the models get with the guest's door shut. */
const guestEnds: Readonly<Partial<Record<string, string>>> = { '@bottomhalf/hvm': 'hvm.js', '@bottomhalf/sched': 'sched.js' }

const asShipped = { asShipped: true }
const isPassthrough = (importer: string): boolean => /[\\/]passthrough-(io|pci)[\\/]/.test(importer)
const pathOf = (module: string): string => module.includes('/') ? module : join(stepped, 'forms', `${module}.js`)

/** The name by which a form may exchange what is imported here. */
function exchangeable({ path, importer }: OnResolveArgs): string | undefined {
  if (path.startsWith('#')) return path
  return path.startsWith('./') && isPassthrough(importer) ? basename(path, '.js') : undefined
}
