// SPDX-License-Identifier: MIT
/** The reference in C, built where there is a compiler; figures by name, or undefined where there is none. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quick, summary } from './measure.mjs'

export function runReference() {
  const folder = mkdtempSync(join(tmpdir(), 'bottomhalf-bench-'))
  try {
    const binary = join(folder, 'reference')
    const source = fileURLToPath(new URL('./c/reference.c', import.meta.url))
    const built = spawnSync('gcc', ['-O2', '-pthread', source, '-o', binary], { stdio: ['ignore', 'ignore', 'inherit'] })
    if (built.status !== 0) {
      process.stderr.write('bench: no C compiler here: rows against C have no ratio\n')
      return undefined
    }
    const { stdout } = spawnSync(binary, [quick ? '9' : '31'], { encoding: 'utf8' })
    return Object.fromEntries(stdout.trim().split('\n').map((line) => JSON.parse(line)).map(({ name, ns }) => [name, summary(ns)]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
