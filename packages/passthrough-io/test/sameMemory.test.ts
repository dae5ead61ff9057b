// SPDX-License-Identifier: MIT
/** Both builds are one program: the same workload under the same schedule leaves the same memory. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'

interface Report {
  readonly build: string
  readonly hashes: readonly number[]
  readonly results: Readonly<Record<string, number>>
  readonly counts: Readonly<Record<'runs' | 'active' | 'references', unknown>>
  readonly hash: number
}

const STEPS = 600
const CYCLES = 50

/** Run the workload on the packages as built, in a process of its own. */
function report(build: 'native' | 'stepped', seed: number): Report {
  const script = join(import.meta.dirname, 'builds', `${build}.mjs`)
  const conditions = build === 'stepped' ? ['--conditions=stepped'] : []
  const output = execFileSync(process.execPath, [...conditions, script, String(STEPS), String(seed), String(CYCLES)])
  return JSON.parse(output.toString()) as Report
}

describe('D2: native and stepped build', () => {
  let native: Report
  let stepped: Report
  let other: Report
  beforeAll(() => {
    native = report('native', 7)
    stepped = report('stepped', 7)
    other = report('native', 8)
  }, 120_000)

  test('leave the same memory after every 50 of 600 operations of the whole stack on 3 CPUs', () => {
    expect([native.build, stepped.build]).toEqual(['native', 'stepped'])
    expect(native.hashes).toHaveLength(STEPS / 50 + 1)
    expect(stepped.hashes).toEqual(native.hashes)
    expect(stepped.results).toEqual(native.results)
  })

  test('and the hash tells memories apart: another seed leaves others, no two looks are equal', () => {
    expect(other.hashes.filter((hash) => native.hashes.includes(hash))).toEqual([])
    expect(new Set(native.hashes).size).toBe(native.hashes.length)
  })

  test('the workload meets what it is there for: refusals, restarts, moves', () => {
    const wanted = ['send 0', 'unbind 0', 'bind 0', 'unbind -22', 'bind -85', 'move -11']
    expect(Object.keys(native.results)).toEqual(expect.arrayContaining(wanted))
  })

  test('the dpci cycle on 3 CPUs, step by step in turn or one after the other, ends with the same counts', () => {
    expect(native.counts).toEqual({ runs: [CYCLES, CYCLES, CYCLES], active: [false, false, false], references: 1 })
    expect(stepped.counts).toEqual(native.counts)
    expect(stepped.hash).toBe(native.hash)
  })
})
