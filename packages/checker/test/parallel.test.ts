// SPDX-License-Identifier: MIT
/** Searches with helpers find what searches alone find. */
import { describe, expect, it } from 'vitest'
import { checkProgram, type CheckOptions, type CheckResult } from '../src/check.js'
import { modelText } from '../src/models/registry.js'
import { nextRandom, seedOf } from '../src/order.js'
import { checkParallel, type Helper, type ParallelOptions } from '../src/parallel/check.js'
import { subtreeExplorer } from '../src/parallel/explorer.js'
import type { Subtree, SubtreeResult } from '../src/parallel/subtree.js'
import { program } from './helpers.js'
import { interruptPrograms } from './programs/interrupts.js'

interface Spoil {
  readonly part?: (part: Subtree) => Subtree
  readonly result?: (result: SubtreeResult) => SubtreeResult
}

/** Helpers that take turns by a seed, and now and then give a part up. */
function helpersOf(text: string, options: CheckOptions, count: number, spoil: Spoil = {}): Helper[] {
  const { part = (it: Subtree) => it, result = (it: SubtreeResult) => it } = spoil
  let random = seedOf(count)
  return Array.from({ length: count }, () => {
    const explore = subtreeExplorer(program(text), options)
    return {
      explore: async (subtree) => {
        const explored = result(explore(part(subtree)))
        random = nextRandom(random)
        for (let turns = random % 5; turns > 0; turns--) await Promise.resolve()
        return random % 7 === 0 ? { ...explored, smaller: subtree.path.length + 1 } : explored
      },
    }
  })
}

const together = async (text: string, options: CheckOptions, count: number, spoil?: Spoil): Promise<CheckResult> => {
  const parallel: ParallelOptions = {
    ...options, helpers: () => helpersOf(text, options, count, spoil), aloneExecutions: 5, partSteps: 100 * count ** 2,
  }
  return checkParallel(program(text), parallel)
}

const summary = ({ seconds: _, checkpoint, digest, ...rest }: CheckResult) =>
  ({ ...rest, digest: digest(), isStopped: checkpoint !== null })

const texts: [string, string][] = [
  ['4.nocli', interruptPrograms.get('4.nocli')?.text ?? ''],
  ['8.if1.k2', interruptPrograms.get('8.if1.k2')?.text ?? ''],
  ['lastzero 5', modelText('lastzero', { n: 5 })],
  ['dining 4', modelText('dining', { n: 4 })],
  ['treiber', modelText('treiber')],
]

describe.each(texts)('%s', (_name, text) => {
  it.each(['dpor', 'naive'] as const)('PS1: %s: whatever the number of helpers and their pace, the result is that of one thread', async (strategy) => {
    for (const mode of ['exactly', 'atMost'] as const) {
      for (const [collect, order, maxExecutions] of [[true, 'base-first', 700], [false, 'reversed', 2000]] as const) {
        const options: CheckOptions = { strategy, mode, order, collect, allowBlocked: collect, maxExecutions }
        const alone = summary(checkProgram(program(text), options))
        for (const count of [1, 2, 3]) expect(summary(await together(text, options, count))).toEqual(alone)
      }
    }
  })
})

describe('parts', () => {
  const text = modelText('lastzero', { n: 5 })
  const options: CheckOptions = { collect: true, allowBlocked: true }
  const alone = checkProgram(program(text), options)

  it('the twin: parts that ask for nothing above lose executions', async () => {
    const deaf = await together(text, options, 3, { result: (result) => ({ ...result, asked: [] }) })
    expect(deaf.executions).toBeLessThan(alone.executions)
  })

  it('the twin: parts in which nothing sleeps explore executions again', async () => {
    const awake = await together(text, options, 3, { part: (part) => ({ ...part, sleeping: [] }) })
    expect(awake.executions).toBeGreaterThan(alone.executions)
    expect(awake.classes).toEqual(alone.classes)
  })

  it('PS1: stopped and gone on with by one thread, it is the search that was not stopped', async () => {
    const { checkpoint } = await together(text, { ...options, maxExecutions: 20 }, 2)
    if (checkpoint === null) throw new Error('no checkpoint')
    expect(summary(checkProgram(program(text), { ...options, resume: checkpoint }))).toEqual(summary(alone))
    expect(summary(await together(text, { ...options, resume: checkpoint }, 2))).toEqual(summary(alone))
  })

  it('a search whose parts are no function of their root is refused', async () => {
    for (const refused of [{ strategy: 'optimal' }, { strategy: 'bounded' }, { order: 3 }] as const) {
      await expect(together(text, { ...options, ...refused }, 2)).rejects.toThrow('this search cannot be split')
    }
  })
})
