// SPDX-License-Identifier: MIT
/** What is wrong with the forms (SPEC 14), and where each defect shows. */

export interface Defect {
  readonly id: string
  readonly summary: string
  /** Found by analysis and small models, not reported from the field. */
  readonly byAnalysis: boolean
  readonly model: string
  readonly values: Readonly<Record<string, number>>
  /** Part of the message of its violation: the same model may show other defects too. */
  readonly message: string
  /** Forms in which the specification says that it must be found. */
  readonly foundIn: readonly string[]
}

const BtoD = ['B', 'C', 'D']
const BtoE2 = [...BtoD, 'E1', 'E2']

const field = (
  id: string, summary: string, model: string, values: Defect['values'], message: string, foundIn: readonly string[],
): Defect => ({ id, summary, byAnalysis: false, model, values, message, foundIn })
const analysis = (...args: Parameters<typeof field>): Defect => ({ ...field(...args), byAnalysis: true })

export const defects: readonly Defect[] = [
  field('H1', 'a time-out zeroes the state of a linked record', 'time-out', { irqs: 2 }, 'I4', ['B']),
  field('H2', 'two CPUs in one record are a BUG', 'spread', { irqs: 2 }, 'RUN was on', ['B', 'C']),
  field('H3', 'a CPU goes with records on its list', 'cpu-death', {}, '', [...BtoD, 'E1']),
  field('H4', 'iterate forgets -ERESTART', 'teardown', { devices: 2 }, 'at its first pass', BtoD),
  field('H5', 'a teardown unbinds twice', 'shared-line', {}, 'not bound', BtoD),
  field('H6', 'a fix of H5 loses pIRQs', 'line-life', {}, 'cannot be untied', ['2020']),
  field('H7', 'a time-out loses an edge of the same GSI', 'time-out', { irqs: 1, second: 1 }, 'I1', ['C', 'D']),
  field('R1', 'a ZOMBIE record takes arrivals with it', 'rebind-under-fire', {}, 'I1', ['R1']),
  field('R2', 'an interrupt spins for its own CPU', 'spread', { cpus: 1, irqs: 2 }, 'waits for', ['R2']),
  field('R3', 'softirqs in a bind\'s wait want pcidevs', 'bind-under-pcidevs', {}, 'Pci.pcidevs', ['R3']),
  field('R4', 'a cancelled run arms a timer never made', 'unbind-under-fire', {}, 'TM-1', ['R4']),
  field('R5', 'an interrupt corrupts the list of a put-back', 'crowded', {}, 'I', ['R5']),
  field('R7', 'a record is left unlinked and unserved', 'rebind-under-fire', { cpus: 1, irqs: 3, rebinds: 0 }, 'I', ['R7']),
  analysis('U1', 'a cancelled record is linked again', 'rebind-under-fire', {}, 'linked twice', BtoE2),
  analysis('U1/1', 'the same on one CPU, with a second record', 'rebind-under-fire', { cpus: 1, second: 1 }, 'linked twice', BtoE2),
  analysis('U2', 'the domain was looked up before a rebind', 'rebind-cancelled', {}, 'U2', BtoE2),
  analysis('U3', 'the domain is taken from a queued run', 'unbind-under-fire', {}, 'U3', BtoE2),
  analysis('U4', 'an update waits for its own CPU', 'update-under-fire', {}, 'waits for', BtoE2),
  analysis('U5', 'a timer is killed under the lock it wants', 'unbind-under-fire', { kind: 1 }, '.running !=', ['A', ...BtoD]),
  analysis('U6', 'cleared flags hide a record from teardown', 'teardown', {}, 'at a later pass', ['E1', 'E2']),
  analysis('U7', 'RCU frees a record that is linked', 'unmap-under-fire', {}, 'freed block', ['E2']),
  analysis('U8', 'a run in flight arms a timer never made', 'teardown', {}, 'TM-1', ['2021']),
  analysis('U9', 'a bind to a dying domain', 'bind-while-dying', {}, 'outlives', BtoE2),
  analysis('U10', 'entries of guest GSIs leak', 'line-life', {}, 'still allocated', BtoE2),
  analysis('U11', 'a stray EOI wraps the count', 'stray-eoi', {}, 'I10', BtoE2),
  analysis('U12', 'a tasklet is killed under the lock it wants', 'unbind-under-fire', {}, 'waits for', ['A']),
]

/** R6 needs an order weaker than sequential consistency, which JavaScript's Atomics do not have. */
export const notChecked = { id: 'R6', summary: 'no barrier between the domain and the bits: harmless under sequential consistency' } as const
