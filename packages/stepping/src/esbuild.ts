// SPDX-License-Identifier: MIT
/**
 * The plugin for esbuild, and so for tsup: the build's own sources in stepped form, and the manifest beside the output.
 *
 * One program per build; in watch mode, one per rebuild.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { BuildOptions, PartialMessage, Plugin } from 'esbuild'
import { diagnosticText } from './diagnostic.js'
import type { Diagnostic } from './diagnostic.js'
import { inlineMap } from './edits.js'
import { MANIFEST_FILE, manifestText } from './manifest.js'
import { exportedKeys, packageOf, resolveTarget } from './packages.js'
import type { PackageInfo } from './packages.js'
import { transformProgram } from './transform.js'
import type { TransformOptions, TransformResult } from './transform.js'

/** @param options `mechanism` is on unless said otherwise: what is built for stepping shares its memory */
export function steppedEsbuild(options: TransformOptions = {}): Plugin {
  return {
    name: 'stepping',
    setup(build) {
      const { initialOptions } = build
      const workDir = initialOptions.absWorkingDir ?? process.cwd()
      const points = entriesOf(initialOptions, workDir)
      const info = packageOf(dirname(points[0]?.file ?? join(workDir, 'src')))
      const root = info?.dir ?? workDir
      const entries = bySubpath(points, info)
      let result: TransformResult | undefined
      build.onStart(() => {
        result = transformProgram({ mechanism: true, ...options, root, entries })
        return { errors: result.diagnostics.map((each) => messageOf(each, workDir)) }
      })
      build.onLoad({ filter: /\.[cm]?ts$/ }, ({ path }) => {
        const watchFiles = [...result?.inputs ?? []]
        const edited = result?.files.get(path)
        if (edited === undefined) return watchFiles.includes(path) ? { watchFiles, ...untouched } : undefined
        return { contents: edited.code + inlineMap(edited.map), loader: 'ts', watchFiles }
      })
      build.onEnd(async ({ errors }) => {
        const folder = outFolder(initialOptions, workDir)
        if (errors.length > 0 || result === undefined || folder === undefined) return
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, MANIFEST_FILE), manifestText(result.manifest))
      })
    },
  }
}

/** No contents: the next plugin, or esbuild itself, reads the file. */
const untouched = {}

function messageOf(diagnostic: Diagnostic, workDir: string): PartialMessage {
  const { file, line, column, length, lineText } = diagnostic
  const location = { file: relative(workDir, file), line, column: column - 1, length, lineText }
  return { text: diagnosticText(diagnostic), location }
}

interface EntryPoint { readonly file: string, readonly out: string }

/** The entries with the names that esbuild gives to their outputs. */
function entriesOf({ entryPoints = [], outbase }: BuildOptions, workDir: string): EntryPoint[] {
  const isList = Array.isArray(entryPoints)
  const list = isList ? entryPoints : Object.entries(entryPoints).map(([out, path]) => ({ in: path, out }))
  const files = list.map((each) => resolve(workDir, typeof each === 'string' ? each : each.in))
  const base = outbase === undefined ? commonFolder(files) : resolve(workDir, outbase)
  return list.map((each, i) => {
    const file = files[i] ?? ''
    return { file, out: withoutExtension(typeof each === 'string' ? relative(base, file) : each.out) }
  })
}

const withoutExtension = (path: string): string => path.split(sep).join('/').replace(/\.[cm]?[jt]s$/, '')

function commonFolder(files: readonly string[]): string {
  const [first = [], ...others] = files.map((file) => dirname(file).split(sep))
  const length = first.findIndex((part, i) => others.some((other) => other[i] !== part))
  return (length < 0 ? first : first.slice(0, length)).join(sep)
}

/** Entries by subpath: the one whose `stepped` target bears the name of the output; else by that name. */
function bySubpath(entries: readonly EntryPoint[], info: PackageInfo | undefined): Record<string, string> {
  const subpaths = new Map(info === undefined ? [] : exportedKeys(info).map((key) => [outOf(info, key), key]))
  return Object.fromEntries(entries.map(({ file, out }) => [subpaths.get(out) ?? subpathOf(out), file]))
}

function outOf(info: PackageInfo, key: string): string {
  const built = resolveTarget(info, key, new Set(['stepped', 'node', 'import']))
  return built === undefined ? '' : withoutExtension(relative(info.dir, built)).replace(/^[^/]+\//, '')
}

const subpathOf = (out: string): string => (out === 'index' ? '.' : `./${out}`)

function outFolder({ outdir, outfile }: BuildOptions, workDir: string): string | undefined {
  const folder = outdir ?? (outfile === undefined ? undefined : dirname(outfile))
  return folder === undefined ? undefined : resolve(workDir, folder)
}
