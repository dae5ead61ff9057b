// SPDX-License-Identifier: MIT
/**
 * How long a transform takes: `node bench/transform.mjs [FOLDER...]`, after a build. The first of a process pays for
 * the type checker's start and for parsing the library declarations; wall and CPU milliseconds, and the size of the
 * sources.
 */
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { transformProgram } from '../dist/index.js'

const folders = process.argv.slice(2)
const roots = folders.length > 0 ? folders : ['../list', '../irq']
const ms = (value) => value.toFixed(0).padStart(6)

const heads = ['package'.padEnd(20), 'files'.padStart(5), 'lines'.padStart(6)].join(' ')
console.log(`${heads}   first wall    cpu   then wall    cpu (medians of 7)`)
for (const root of roots.map((folder) => resolve(import.meta.dirname, '..', folder))) {
  const [first, ...others] = Array.from({ length: 8 }, () => once(root))
  const { files, lines } = first
  const size = `${basename(root).padEnd(20)} ${String(files).padStart(5)} ${String(lines).padStart(6)}`
  const then = `${ms(median(others, 'wall'))} ${ms(median(others, 'cpu'))}`
  console.log(`${size}       ${ms(first.wall)} ${ms(first.cpu)}      ${then}`)
}

function once(root) {
  const cpuStart = process.cpuUsage()
  const start = performance.now()
  const { inputs, diagnostics } = transformProgram({ root, entries: ['src/index.ts'], mechanism: true })
  const wall = performance.now() - start
  const { user, system } = process.cpuUsage(cpuStart)
  if (diagnostics.length > 0) throw new Error(`${root}: ${diagnostics.length} complaints`)
  const sources = inputs.filter((file) => file.endsWith('.ts'))
  const lines = sources.reduce((sum, file) => sum + readFileSync(file, 'utf8').split('\n').length, 0)
  return { wall, cpu: (user + system) / 1000, files: sources.length, lines }
}

function median(runs, key) {
  const sorted = runs.map((run) => run[key]).sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}
