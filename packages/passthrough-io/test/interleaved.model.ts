// SPDX-License-Identifier: MIT
/** The protocol under the checker: the whole stack below it, devices' interrupts at any moment with IF = 1. */
import { Domain } from '@bottomhalf/domain'
import { defineModel, type ModelDefinition } from '@bottomhalf/checker'
import { ld, load } from '@bottomhalf/machine'
import { doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import type { Ref } from '@bottomhalf/base'
import { dpciActive, dpciDomain, HvmPirqDpci } from '../src/index.js'
import { bootFire, GVECS, rebind, secondOf, serve } from './fire.model.js'
import { ARRIVAL_VECTORS, isRequested } from './setup.model.js'

type Record = Ref<'HvmPirqDpci'>

/** Arrivals of record 0, one after the other at CPU 0, 1, 0, ... */
const arrivals = (count: number) => Array.from({ length: count }, (_, n) =>
  ({ cpu: n % 2, vector: ARRIVAL_VECTORS[0], name: `device@${n % 2}#${Math.floor(n / 2)}` }))

function idle(): void {
  for (;;) {
    doSoftirq()
    sleepUnlessPending()
  }
}

/** What is wrong when all CPUs sleep. */
function wrongAtRest(first: Record): string | undefined {
  for (const dpci of [first, secondOf(first)]) {
    const state = load(dpci + HvmPirqDpci.state)
    if (state !== 0) return `I5: state ${state} at rest`
    if (dpciActive(dpci)) return 'I6: a record is active at rest'
  }
  const references = ld(dpciDomain(first) + Domain.refcount)
  return references === 1 ? undefined : `I4: ${references} references at rest`
}

function wrongWhileBound(first: Record): string | undefined {
  serve(1)
  return wrongAtRest(first) ?? (isRequested(dpciDomain(first), GVECS[0]) ? undefined : 'I1: an interrupt is lost')
}

/** Two CPUs that serve one record, and its interrupts on both. */
export const spreadOver = (interrupts: number): ModelDefinition<Record> => defineModel({
  name: 'spread', cpus: 2, parameters: { interrupts },
  setup: () => bootFire(2),
  threads: [{ run: () => { idle() } }, { run: () => { idle() } }],
  interrupts: arrivals(interrupts),
  atRest: (first) => wrongWhileBound(first),
})

/** One CPU serves, the other unbinds the record and binds it again under fire. */
export const reboundUnder = (interrupts: number): ModelDefinition<Record> => defineModel({
  name: 'rebind under fire', cpus: 2, parameters: { interrupts },
  setup: () => bootFire(2),
  threads: [{ run: () => { idle() } }, { run: (first) => {
    rebind(first)
    idle()
  } }],
  interrupts: arrivals(interrupts),
  atRest: (first) => wrongAtRest(first),
})
