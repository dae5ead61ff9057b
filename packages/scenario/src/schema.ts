// SPDX-License-Identifier: MIT
/**
 * What a scenario file may say. Units end the names or stand in the value: `5s`, `200us`, `1kHz`, `20k/s`.
 */
import { z } from 'zod'
import { event } from './events.js'
import { durationUpTo, frequency } from './units.js'

const name = z.string().regex(/^[A-Za-z0-9][\w.-]*$/, 'a name of letters, digits, dot, dash or underscore')
const seed = z.int().min(0).max(0xffffffff)

const constant = z.strictObject({ constant: frequency })
const poisson = z.strictObject({ poisson: frequency })
const burst = z.strictObject({
  burst: z.strictObject({
    /** Mean rate over bursts and pauses. */
    rate: frequency,
    /** Arrivals of one burst, back to back. */
    size: z.int().min(1).max(100_000),
  }),
})
const replay = z.strictObject({
  trace: z.strictObject({
    /** Relative to the scenario file. */
    file: z.string().min(1),
    irq: z.int().min(0).optional(),
    name: z.string().optional(),
    /** Times are divided by it: 10 replays ten times as fast. */
    speed: z.number().positive().default(1),
    /** Start over at the end of the trace. */
    repeat: z.boolean().default(true),
  }),
})

/** When a device raises its interrupt. */
const arrivals = z.union([constant, poisson, burst, replay], {
  error: 'arrivals: one of {constant: RATE}, {poisson: RATE}, {burst: {rate, size}}, {trace: {file, irq|name}}',
})

/** A message, one that the device cannot mask, and one that becomes a line in the guest. */
const message = z.enum(['msi', 'unmaskable', 'translate']).transform((kind) => ({ kind }))
const messages = z.strictObject({
  /** Several messages; arrivals take turns. */
  msix: z.strictObject({ vectors: z.int().min(1).max(64) }),
}).transform(({ msix }) => ({ kind: 'msix' as const, ...msix }))
const line = z.strictObject({
  /** A level-triggered line of the machine, shared with whoever names the same number. */
  intx: z.strictObject({ line: z.int().min(16).max(63) }),
}).transform(({ intx }) => ({ kind: 'intx' as const, ...intx }))

/** How a device interrupts. */
const interrupt = z.union([message, messages, line], {
  error: 'interrupt: one of msi, unmaskable, translate, {msix: {vectors: 1..64}}, {intx: {line: 16..63}}',
})

const device = z.strictObject({
  name,
  interrupt: interrupt.prefault('msi'),
  arrivals,
})

/** The number of an interrupt of the guest, counted from 1. */
const nth = z.int().min(1).max(0x7fffffff).optional()

const misbehave = z.strictObject({
  /** From this interrupt on it ends none. */
  neverEoi: nth,
  /** From this interrupt on it ends each twice, and lines that are quiet. */
  strayEoi: nth,
  /** At this interrupt it masks the lines and messages of its devices for ever. */
  maskForEver: nth,
  /** At this interrupt it takes its messages by event channels from then on. */
  bindEventChannels: nth,
  /** From this interrupt on it writes any values anywhere into the vector tables of its MSI-X devices. */
  writeTable: nth,
  /** At this interrupt it crashes. */
  crash: nth,
})

const guest = z.strictObject({
  name,
  /** The pCPU that its first vCPU is pinned to; the others to those behind it, in a circle. */
  cpu: z.int().min(0).max(255),
  vcpus: z.int().min(1).max(8).default(1),
  /** Time that the guest's interrupt handler works. */
  work: durationUpTo(1e9, 'a second').default(2000),
  devices: z.array(device).max(64).default([]),
  /** VIRQ_TIMER ticks of an idle guest. */
  tick: frequency.optional(),
  /** What it does that no good guest does. */
  misbehave: misbehave.optional(),
}).refine((g) => g.devices.length > 0 || g.tick !== undefined, { error: 'a guest needs devices, or a tick', path: ['devices'] })

export const scenarioSchema = z.strictObject({
  name: name.default('scenario'),
  cpus: z.int().min(1).max(64).default(4),
  duration: durationUpTo(3600e9, 'an hour').optional(),
  seed: seed.default(1),
  /** Arrivals of a guest's interrupt within 10 ms, above which it is shut for 10 ms. */
  rateLimit: z.int().min(1).max(1_000_000).default(10_000),
  guests: z.array(guest).min(1).max(64),
  /** What happens while it runs. */
  events: z.array(event).max(1000).default([]),
})

/** A scenario with all defaults filled in. Durations in ns, rates in events per second. */
export type Scenario = z.output<typeof scenarioSchema>
export type GuestScenario = Scenario['guests'][number]
export type Misbehaviour = z.output<typeof misbehave>
export type DeviceScenario = GuestScenario['devices'][number]
export type Arrivals = z.output<typeof arrivals>
