// SPDX-License-Identifier: MIT
import { build } from 'esbuild'
import type { Options } from 'tsup'
import { plain } from '../../tools/tsup.ts'

/** What the page carries: one script and one style sheet, nothing left to load. */
const page = () => build({
  entryPoints: { player: 'src/view/main.ts', style: 'src/view/style.css' },
  outdir: 'dist/page', bundle: true, minify: true, format: 'iife', target: 'es2022', legalComments: 'none', logLevel: 'warning',
})

export default { ...plain() as Options, onSuccess: async () => { await page() } }
