// SPDX-License-Identifier: MIT
// Models as a user writes them: what the tests of `check --model` run.
import { defineModel } from '@bottomhalf/checker'
import { fetchAdd, global, ld, st, word } from '@bottomhalf/machine'

const Counter = global('cliCounter', { value: word })

function add(): void {
  st(Counter.base + Counter.value, ld(Counter.base + Counter.value) + 1)   // C1: nobody else may stand between the two
}

function addAtomically(): void {
  fetchAdd(Counter.base + Counter.value, 1)
}

export const torn = defineModel({ name: 'torn', cpus: 2, threads: [{ run: () => { add() } }, { run: () => { add() } }] })

export const safe = defineModel({
  name: 'safe', cpus: 2, threads: [{ run: () => { addAtomically() } }, { run: () => { addAtomically() } }],
  interrupts: [{ cpu: 0, run: () => { addAtomically() } }],
  atRest: () => ld(Counter.base + Counter.value) === 3 ? undefined : 'C1: an increment is lost',
})
