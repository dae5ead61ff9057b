// SPDX-License-Identifier: MIT
/**
 * The plugin for esbuild, and so for tsup: the build's own sources in stepped form, and the manifest beside the output.
 *
 * One program per build; in watch mode, one per rebuild.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import type { BuildOptions, PartialMessage, Plugin } from 'esbuild'
import { diagnosticText } from './diagnostic.js'
import type { Diagnostic } from './diagnostic.js'
import { inlineMap } from './edits.js'
import { MANIFEST_FILE, manifestText } from './manifest.js'
import { packageOf } from './packages.js'
import { subpathOf, transformProgram } from './transform.js'
import type { TransformOptions, TransformResult } from './transform.js'

/** @param options `mechanism` is on unless said otherwise: what is built for stepping shares its memory */
export function steppedEsbuild(options: TransformOptions = {}): Plugin {
  return {
    name: 'stepping',
    setup(build) {
      const { initialOptions } = build
      const workDir = initialOptions.absWorkingDir ?? process.cwd()
      const entries = entriesOf(initialOptions, workDir)
      const root = packageOf(dirname(Object.values(entries)[0] ?? workDir))?.dir ?? workDir
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

function entriesOf({ entryPoints = [] }: BuildOptions, workDir: string): Record<string, string> {
  const isList = Array.isArray(entryPoints)
  const list = isList ? entryPoints : Object.entries(entryPoints).map(([out, path]) => ({ in: path, out }))
  return Object.fromEntries(list.map((each) => {
    const { in: path, out } = typeof each === 'string' ? { in: each, out: each } : each
    return [subpathOf(out), resolve(workDir, path)]
  }))
}

function outFolder({ outdir, outfile }: BuildOptions, workDir: string): string | undefined {
  const folder = outdir ?? (outfile === undefined ? undefined : dirname(outfile))
  return folder === undefined ? undefined : resolve(workDir, folder)
}
