// SPDX-License-Identifier: MIT
import { formatMemory } from '@bottomhalf/machine'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { programs, stepArrays } from './model.js'
import type { Arrays, Step } from './model.js'
import { perform, startProgram, walks } from './programs.model.js'

function check(program: readonly Step[]): void {
  formatMemory({ cpus: 1, debug: true })
  const arrays: Arrays = [[], []]
  const base = startProgram()
  for (const step of program) {
    const args = stepArrays(arrays, step)
    if (args !== undefined) perform(base, step.op, args)
    expect([walks(base, 0), walks(base, 1)]).toEqual(arrays.map((list) => ({ forth: list, back: list })))
  }
}

test('any program leaves the lists that the same program on arrays leaves, forth and back', () => {
  fc.assert(fc.property(programs, check), { numRuns: 1500 })
})
