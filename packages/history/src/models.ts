// SPDX-License-Identifier: MIT
/** The models of the protocol by name: what each of them shows, and with which parameters it can be run. */

export interface ModelParameter {
  readonly name: string
  readonly summary: string
  readonly least: number
  readonly most: number
  readonly usual: number
}

export interface ModelEntry {
  readonly name: string
  readonly summary: string
  readonly parameters: readonly ModelParameter[]
  /** How it has to be explored, whatever is looked for. */
  readonly options: ModelOptions
}

export interface ModelOptions {
  /** Interrupts come at most so often; otherwise exactly. */
  readonly mode?: 'atMost'
  /** Longer executions are not looked at further: the model has a loop that waits for another CPU (DP-2). */
  readonly maxSteps?: number
  /** Blocks that are left at an end are something wrong. */
  readonly leaks?: boolean
}

const parameter = (name: string, summary: string, least: number, most: number, usual: number): ModelParameter =>
  ({ name, summary, least, most, usual })

const irqs = (usual: number): ModelParameter => parameter('irqs', 'interrupts of the first device', 0, 6, usual)
const second = (usual: number): ModelParameter => parameter('second', 'interrupts of a second device at CPU 0', 0, 4, usual)
const cpus = (usual: number): ModelParameter => parameter('cpus', 'CPUs', 1, 4, usual)
const kind = parameter('kind', '0: message, 1: line, 2: message that becomes a line', 0, 2, 0)

/** Loops that put a record back until another CPU has left it are cut there. */
const PUT_BACK_STEPS = 400

export const models: readonly ModelEntry[] = [
  { name: 'rebind-under-fire', summary: 'a binding is undone and made again while its interrupts arrive', options: {},
    parameters: [cpus(2), irqs(2), parameter('rebinds', 'how often it is bound anew', 0, 4, 1), second(0),
      parameter('spread', '1: interrupts come to all CPUs in turn, 0: to CPU 0', 0, 1, 0)] },
  { name: 'rebind-cancelled', summary: 'a record that was cancelled and is still linked is bound again', options: {},
    parameters: [irqs(1)] },
  { name: 'unbind-under-fire', summary: 'a binding is undone while its interrupts arrive', options: {}, parameters: [irqs(2), kind] },
  { name: 'update-under-fire', summary: 'a live binding is given another vector while its interrupts arrive', options: {},
    parameters: [irqs(1)] },
  { name: 'unmap-under-fire', summary: 'a binding is undone and its number untied while an interrupt is on its way', options: {},
    parameters: [irqs(1)] },
  { name: 'bind-while-dying', summary: 'a device is bound to a domain that dies', options: {}, parameters: [] },
  { name: 'bind-under-pcidevs', summary: 'a bind under pcidevs while RCU has a domain to destroy', options: {}, parameters: [] },
  { name: 'spread', summary: 'one interrupt comes to several CPUs at the same time', options: { maxSteps: PUT_BACK_STEPS },
    parameters: [cpus(2), irqs(2), second(0), parameter('debug', '1: with the debug checks of the packages', 0, 1, 0)] },
  { name: 'crowded', summary: 'a record is put back while interrupts of another one come', options: { maxSteps: PUT_BACK_STEPS },
    parameters: [second(1)] },
  { name: 'cpu-death', summary: 'a CPU goes with records on its list', options: { mode: 'atMost' },
    parameters: [irqs(1), parameter('others', 'interrupts at the CPU that takes over', 0, 4, 0), second(0)] },
  { name: 'hotplug', summary: 'a CPU goes down while a device that is aimed at it interrupts, and may come back', options: {},
    parameters: [irqs(1), parameter('up', '1: it comes back', 0, 1, 0)] },
  { name: 'kill', summary: 'a domain is killed while its devices interrupt', options: { leaks: true },
    parameters: [irqs(1), parameter('devices', 'devices that are bound', 1, 2, 1)] },
  { name: 'teardown', summary: 'a domain is torn down while an interrupt is being served', options: {},
    parameters: [parameter('devices', 'devices that are bound', 1, 2, 1), kind] },
  { name: 'shared-line', summary: 'a domain is torn down whose line is another domain\'s too', options: {}, parameters: [] },
  { name: 'line-life', summary: 'a line is bound, torn down and untied', options: { leaks: true }, parameters: [] },
  { name: 'time-out', summary: 'the guest does not end its lines', options: {}, parameters: [irqs(2), second(0)] },
  { name: 'stray-eoi', summary: 'the guest ends a line that nobody asserted', options: {}, parameters: [irqs(1)] },
]
