// SPDX-License-Identifier: MIT
/** Executions for tests: of small programs, and made by hand. */
import { checkProgram, loadProgram } from '@bottomhalf/checker'
import type { PlayerData, PlayerObject, PlayerStep } from '../src/data.js'
import { playerData } from '../src/fromReplay.js'

/** An increment that a handler tears in two: CPU 0 reads, h1 enters and writes, CPU 0 writes the old value. */
export const tornText = `prog torn
base 0
  rd a x      # T1 nobody else writes x meanwhile
  wr x a+1
  rd t done
  rd b x
  if t == 0 OUT
  assert b == 2
  label OUT
irq h1 0
  rd a x
  wr x a+1
  wr done 1
end
`

/** The execution that breaks the first assertion of a program. */
export function brokenBy(text: string): PlayerData {
  const program = loadProgram(text)
  const { schedule } = checkProgram(program)
  if (schedule === null) throw new Error('nothing breaks')
  const readSource = () => ({ name: 'torn.txt', text })
  return playerData(program, schedule, { facts: ['interrupts: each exactly once'], command: 'bottomhalf replay s.json', readSource })
}

const step: PlayerStep = {
  context: 0, cpu: 0, op: 'store', text: 'store', touched: [], irqOn: [true, true], returns: false, waiting: [], places: [], rules: [],
}

/** A step that writes one word, by CPU 0. */
export function writing(address: number, after: number, more: Partial<PlayerStep> = {}): PlayerStep {
  return { ...step, touched: [{ address, name: `w${address}`, before: 0, after, writes: true }], ...more }
}

/** A record of a list: two links and a word. */
export function node(address: number, more: Partial<PlayerObject> = {}): PlayerObject {
  const field = (name: string, offset: number, kind: 'link' | 'word') => ({ name, address: address + offset, initial: 0, kind })
  return {
    name: `node ${address}`, address, words: 3, isBlock: true,
    fields: [field('next', 0, 'link'), field('prev', 1, 'link'), field('value', 2, 'word')], ...more,
  }
}

export function handmade(objects: readonly PlayerObject[], steps: readonly PlayerStep[]): PlayerData {
  return {
    version: 1, title: 'handmade', facts: [], command: '', cpus: 2,
    contexts: [{ name: 'base0', cpu: 0, kind: 'base' }, { name: 'base1', cpu: 1, kind: 'base' }, { name: 'h', cpu: 1, kind: 'irq' }],
    objects, steps, sources: [], violation: null,
  }
}
