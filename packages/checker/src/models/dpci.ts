// SPDX-License-Identifier: MIT
/**
 * The passthrough protocol in form D of SPEC 14 as a small program: one record, an interrupt and one softirq run on each
 * CPU, contexts as threads; with `control`, one unbind and rebind that leaves a queued run alone.
 *
 * Words: state (1 SCHED, 2 RUN), node (0 not linked, c + 1 on the list of CPU c, 10 + c taken by CPU c), dom, refs,
 * bound, masked, pend of each CPU, locks ev and desc. `cli` and `sti` are the CPU's interrupt lock in this mode.
 */
import { repeat, type ClassicModel } from './classic.js'

export const dpci: ClassicModel = {
  name: 'dpci',
  about: 'the passthrough protocol, form D, interrupts as threads',
  parameters: {
    cpus: { from: 1, to: 6, initial: 2, what: 'number of CPUs' },
    control: { from: 0, to: 1, initial: 0, what: '1: with an unbind and a rebind' },
  },
  threads: true,
  text: ({ cpus = 2, control = 0 }) => [
    'prog dpci', `array pend ${cpus}`, 'init dom 1', 'init refs 1', 'init bound 1',
    ...repeat(cpus, softirq).flat(),
    ...(control === 0 ? [] : rebind(cpus)),
    ...repeat(cpus, interrupt).flat(),
    'end',
  ].join('\n'),
}

const link = (cpu: number): string[] => ['  rd n node', '  assert n == 0', `  wr node ${cpu + 1}`]

function interrupt(cpu: number): string[] {
  return [
    `irq irq${cpu} ${cpu}`,
    '  lock desc', '  rd b bound', '  if b == 0 OUT', '  wr masked 1',
    '  or o state 1', '  if o & 1 OUT', '  rd d dom', '  assert d != 0', '  add r refs 1',
    ...link(cpu), `  wr pend[${cpu}] 1`,
    '  label OUT', '  unlock desc',
  ]
}

function softirq(cpu: number): string[] {
  return [
    `base ${cpu}`,
    `  xchg p pend[${cpu}] 0`, '  if p == 0 OUT',
    '  cli', '  rd m node', `  if m != ${cpu + 1} TAKEN`, `  wr node ${10 + cpu}`, '  label TAKEN', '  sti',
    `  if m != ${cpu + 1} OUT`,
    '  wr node 0', '  rd d dom', '  or o state 2', '  if o & 2 BACK',
    '  and o state -2', '  if o !& 1 IDLE', '  assert d != 0',
    '  lock ev', '  rd k masked', '  if k == 0 DONE', '  wr masked 0', '  label DONE', '  unlock ev', '  add r refs -1',
    '  label IDLE', '  and o state -3', '  jmp OUT',
    '  label BACK', '  cli', ...link(cpu), '  sti', `  wr pend[${cpu}] 1`,
    '  label OUT',
  ]
}

function rebind(cpus: number): string[] {
  return [
    `base ${cpus}`,
    '  lock ev', '  lock desc', '  wr bound 0', '  unlock desc', '  unlock ev',
    '  lock ev', '  rd s state', '  if s != 0 OUT', '  wr dom 1', '  lock desc', '  wr bound 1', '  unlock desc',
    '  label OUT', '  unlock ev',
  ]
}
