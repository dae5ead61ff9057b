// SPDX-License-Identifier: MIT
/**
 * What happens while a scenario runs: events on a timeline, each once or over and over.
 *
 * EV1  Events happen in order of time; of one time, in the order of the file.
 */
import { z } from 'zod'
import { durationUpTo, frequency } from './units.js'

/** GUEST/DEVICE. */
const device = z.string().regex(/^[^/]+\/[^/]+$/, 'a device of a guest: GUEST/DEVICE')

const when = {
  /** From the start of the run. */
  at: durationUpTo(3600e9, 'an hour'),
  /** Again after so long. */
  every: durationUpTo(3600e9, 'an hour').optional(),
  /** How often in all; without it, with `every`, until the run ends. */
  count: z.int().min(1).max(1_000_000).optional(),
}

const guest = z.string().min(1)
const cpu = z.int().min(1).max(63)

const actions = {
  /** The guest's domain is killed. */
  kill: guest.optional(),
  /** A guest that was killed lives again. */
  create: guest.optional(),
  pause: guest.optional(),
  unpause: guest.optional(),
  /** The guest's first vCPU is tied to another pCPU. */
  move: z.strictObject({ guest, cpu: z.int().min(0).max(63) }).optional(),
  cpuDown: cpu.optional(),
  cpuUp: cpu.optional(),
  /** The device is pulled out under its guest. */
  remove: device.optional(),
  /** A device that was pulled out is plugged in again, and bound. */
  add: device.optional(),
  /** The driver is unloaded and loaded again: unbind, bind. */
  reload: device.optional(),
  /** The device interrupts at this rate, whatever its arrivals say, until it calms down. */
  storm: z.strictObject({ device, rate: frequency }).optional(),
  /** The device goes back to its arrivals. */
  calm: device.optional(),
}

/** Names of what can happen. */
export const actionNames = Object.keys(actions) as (keyof typeof actions)[]
const one = `one of ${actionNames.join(', ')}`

const namedActions = (event: object): string[] => actionNames.filter((name) => name in event)

export const event = z.strictObject({ ...when, ...actions }).superRefine((value, context) => {
  const named = namedActions(value)
  const second = named[1]
  if (named.length === 0) context.addIssue({ code: 'custom', message: one })
  if (second !== undefined) context.addIssue({ code: 'custom', message: `only ${one}`, path: [second] })
  if (value.every === undefined && (value.count ?? 1) > 1) {
    context.addIssue({ code: 'custom', message: '`every` with a `count`', path: ['count'] })
  }
})

/** Something that happens. Durations in ns, exactly one action. */
export type ScenarioEvent = z.output<typeof event>

/** An event in words: `reload net/nic`, `move net to 3`. */
export function eventLabel(event: ScenarioEvent): string {
  const [name = ''] = namedActions(event)
  const argument = event[name as keyof typeof actions]
  if (typeof argument !== 'object') return `${name} ${argument ?? ''}`
  return `${name} ${'device' in argument ? argument.device : `${argument.guest} to ${argument.cpu}`}`
}

/** A guest, a device or a cpu that an event names, and the path to its name. */
interface Named { readonly path: readonly string[], readonly of: string, readonly name: string }

/** All that an event names. */
export function namesInEvent(event: ScenarioEvent): Named[] {
  const found = (path: string[], of: string, name: string | number | undefined) =>
    (name === undefined ? [] : [{ path, of, name: String(name) }])
  return [
    ...(['kill', 'create', 'pause', 'unpause'] as const).flatMap((action) => found([action], 'guest', event[action])),
    ...(['reload', 'calm', 'remove', 'add'] as const).flatMap((action) => found([action], 'device', event[action])),
    ...(['cpuDown', 'cpuUp'] as const).flatMap((action) => found([action], 'cpu', event[action])),
    ...found(['storm', 'device'], 'device', event.storm?.device),
    ...found(['move', 'guest'], 'guest', event.move?.guest),
    ...found(['move', 'cpu'], 'cpu', event.move?.cpu),
  ]
}

/** An event that is due: its number in the scenario, and when, ns from the start. */
export interface DueEvent { readonly atNs: number, readonly index: number }

/** All that happens before `endNs`, in order (EV1). */
export function timeline(events: readonly ScenarioEvent[], endNs: number): DueEvent[] {
  return events.flatMap((event, index) => timesOf(event, endNs).map((atNs) => ({ atNs, index })))
    .sort((a, b) => a.atNs - b.atNs || a.index - b.index)               // EV1
}

function timesOf({ at, every, count }: ScenarioEvent, endNs: number): number[] {
  if (at >= endNs) return []
  if (every === undefined) return [at]
  const times = Math.min(count ?? Infinity, Math.ceil((endNs - at) / every))
  return Array.from({ length: times }, (_, i) => at + i * every)
}
