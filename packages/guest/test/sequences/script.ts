// SPDX-License-Identifier: MIT
/**
 * Sequences of what can happen to a machine, as data: what a test generates, prints and reads back.
 *
 * Ids are few on purpose, so that operations meet; one more than there are, so that what does not exist is asked for too.
 */
import fc from 'fast-check'

const DOMAINS = 3

/**
 * How a device interrupts: by a message of no bus, a line that others share, a message that becomes one, one that has no mask,
 * or one with an entry in a vector table.
 */
export type Kind = 'msi' | 'line' | 'translate' | 'unmaskable' | 'msix'
export const kinds: readonly Kind[] = ['msi', 'msi', 'line', 'line', 'translate', 'unmaskable', 'msix']
export const DEVICES = kinds.length
export const PIRQS = 4
export const CPUS = 3

/** Arrivals of an interrupt within a window, more of which are limited (IRQ-3). */
export const RATE = 8
const STORM = 3 * RATE

/**
 * How a guest behaves: 0 well, 1 never ends an interrupt, 2 ends one too many, 3 crashes at its second, 4 masks at it,
 * 5 writes any values into its vector table.
 */
export type Behaviour = number
export const GOOD = 0
export const NEVER_EOI = 1
export const STRAY_EOI = 2
export const CRASHES = 3
export const MASKS = 4
export const SCRIBBLES = 5

/** One thing that happens. */
export type Happening =
  | readonly ['create', domain: number, cpu: number, how: Behaviour]
  | readonly ['kill', domain: number]
  | readonly ['pause', domain: number]
  | readonly ['unpause', domain: number]
  | readonly ['suspend', domain: number]
  | readonly ['resume', domain: number]
  | readonly ['affinity', domain: number, cpu: number]
  | readonly ['bind', domain: number, pirq: number, device: number]
  | readonly ['unbind', domain: number, pirq: number]
  | readonly ['arrive', device: number, times: number]
  | readonly ['cpuDown', cpu: number]
  | readonly ['cpuUp', cpu: number]
  | readonly ['settle']
  /** Time passes: an EOI of a guest may time out, a window of the rate limit end. */
  | readonly ['pass', ms: number]

export type Script = readonly Happening[]

const domain = fc.integer({ min: 1, max: DOMAINS + 1 })
const pirq = fc.integer({ min: 0, max: PIRQS })
const cpu = fc.integer({ min: 0, max: CPUS })
const device = fc.integer({ min: 0, max: DEVICES - 1 })
const how = fc.oneof(
  { weight: 6, arbitrary: fc.constant(GOOD) }, { weight: 3, arbitrary: fc.integer({ min: 1, max: SCRIBBLES }) },
)
const word = <T extends string>(text: T) => fc.constant(text)

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(word('create'), fc.integer({ min: 1, max: DOMAINS }), cpu, how) },
  { weight: 2, arbitrary: fc.tuple(word('kill'), domain) },
  { weight: 1, arbitrary: fc.tuple(word('pause'), domain) },
  { weight: 1, arbitrary: fc.tuple(word('unpause'), domain) },
  { weight: 1, arbitrary: fc.tuple(word('suspend'), domain) },
  { weight: 1, arbitrary: fc.tuple(word('resume'), domain) },
  { weight: 2, arbitrary: fc.tuple(word('affinity'), domain, cpu) },
  { weight: 5, arbitrary: fc.tuple(word('bind'), domain, pirq, device) },
  { weight: 3, arbitrary: fc.tuple(word('unbind'), domain, pirq) },
  { weight: 8, arbitrary: fc.tuple(word('arrive'), device, fc.integer({ min: 1, max: 4 })) },
  { weight: 1, arbitrary: fc.tuple(word('arrive'), device, fc.constant(STORM)) },
  { weight: 2, arbitrary: fc.tuple(word('pass'), fc.integer({ min: 1, max: 12 })) },
  { weight: 2, arbitrary: fc.tuple(word('cpuDown'), cpu) },
  { weight: 2, arbitrary: fc.tuple(word('cpuUp'), cpu) },
  { weight: 2, arbitrary: fc.tuple(word('settle')) },
)

/** Sequences in which something is likely to happen: the first domain lives and has a device. */
export const scripts: fc.Arbitrary<Script> = fc.array(happening, { minLength: 1, maxLength: 24 })
  .chain((rest) => device.map((first): Script => [['create', 1, 1, GOOD], ['bind', 1, 0, first], ...rest]))

/** A sequence as a line that can be pasted into `pinned.ts` and runs from then on. */
export function asPinned(script: Script, seed: number): string {
  const steps = script.map((one) => `[${one.map((part) => typeof part === 'string' ? `'${part}'` : part).join(', ')}]`)
  return `  { seed: ${seed}, script: [${steps.join(', ')}] },`
}
