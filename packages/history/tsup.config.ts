// SPDX-License-Identifier: MIT
/**
 * Two builds: the Node side as one bundle in dist/; forms, models and the worker that runs them in stepped form, a file each,
 * in dist-stepped/, and there, linked with the packages, each form as one file.
 */
import { defineConfig } from 'tsup'
import type { Options } from 'tsup'
import { loadStepping } from '../../tools/stepping.ts'
import { plain } from '../../tools/tsup.ts'
import { linkAllForms } from './src/linkAll.ts'

const steppedEntries = ['src/forms/*.ts', 'src/models/*.ts', 'src/worker.ts', 'src/job.ts', 'src/costs.ts']

export default defineConfig(async (command) => {
  const config = plain() as Options
  if (command.outDir !== 'dist-stepped') return config
  const { steppedEsbuild } = await loadStepping()
  const mechanism = (path: string) => !/src.(worker|job|costs)\.ts$/.test(path)
  return {
    ...config, entry: steppedEntries, outDir: 'dist-stepped', bundle: false,
    esbuildPlugins: [steppedEsbuild({ mechanism })], onSuccess: linkAllForms,
  }
})
