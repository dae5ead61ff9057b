// SPDX-License-Identifier: MIT
/** Searches that stop and go on, limits, progress. */
import { describe, expect, it } from 'vitest'
import { checkProgram, type CheckOptions, type CheckResult } from '../src/check.js'
import { CheckpointError, formatCheckpoint, parseCheckpoint, type Checkpoint } from '../src/checkpoint.js'
import { modelText } from '../src/models/registry.js'
import type { Program } from '../src/program.js'
import type { Progress } from '../src/progress.js'
import { strategyNames, type StrategyName } from '../src/strategies/create.js'
import { program } from './helpers.js'
import { interruptPrograms } from './programs/interrupts.js'

function interrupted(compiled: Program, options: CheckOptions, every: number): CheckResult {
  let resume: Checkpoint | undefined
  for (let limit = every; ; limit += every) {
    const going = resume === undefined ? {} : { resume }
    const result = checkProgram(compiled, { ...options, maxExecutions: limit, ...going })
    if (result.checkpoint === null) return result
    resume = parseCheckpoint(formatCheckpoint(result.checkpoint))
  }
}

const summary = (result: CheckResult) => {
  const { executions, complete, blocked, redundant, steps, maxDepth, classes, waitSignatures } = result
  return { executions, complete, blocked, redundant, steps, maxDepth, classes, waitSignatures, digest: result.digest() }
}

const programs: [string, Program][] = [
  ['4.nocli', program(interruptPrograms.get('4.nocli')?.text ?? '')],
  ['8.if1.k2', program(interruptPrograms.get('8.if1.k2')?.text ?? '')],
  ['lastzero 5', program(modelText('lastzero', { n: 5 }))],
  ['dining 4', program(modelText('dining', { n: 4 }))],
  ['dpci', program(modelText('dpci'), 'threads')],
]

describe.each(programs)('%s', (_name, compiled) => {
  const strategies = strategyNames.filter((name) => name !== 'naive' || compiled.name === '8.if1.k2')
  it.each(strategies.flatMap((strategy): [StrategyName, CheckOptions['order'], number][] =>
    [[strategy, 'base-first', 7], [strategy, 3, 23]]))('%s, order %s: stopped every %i executions it is the search that was not stopped', (strategy, order, every) => {
    for (const mode of ['exactly', 'atMost'] as const) {
      const options: CheckOptions = {
        strategy, mode, collect: true, allowBlocked: true, runs: 60, preemptions: 1,
        ...order === undefined ? {} : { order },
      }
      expect(summary(interrupted(compiled, options, every))).toEqual(summary(checkProgram(compiled, options)))
    }
  })
})

describe('checkpoints', () => {
  const text = modelText('inc', { n: 3 })
  const stopped = (): string => {
    const { checkpoint } = checkProgram(program(text), { maxExecutions: 5, collect: true })
    if (checkpoint === null) throw new Error('no checkpoint')
    return formatCheckpoint(checkpoint)
  }
  const resume = (file: string, options: CheckOptions = {}) =>
    checkProgram(program(text), { collect: true, resume: parseCheckpoint(file), ...options })

  it('the twin: a checkpoint that forgets what was open ends early', () => {
    const data = JSON.parse(stopped()) as { open: { wanted: number[] } }
    data.open.wanted.fill(0)
    expect(resume(stopped()).complete).toBe(36)
    expect(resume(JSON.stringify(data)).complete).toBeLessThan(36)
  })

  it('each one that is written while a search goes on leads to the same end', () => {
    const writers = program(modelText('two-writers', { n: 8 }))
    const kept: string[] = []
    let time = 0
    const whole = checkProgram(writers, {
      collect: true, now: () => time, stop: () => (time += 30_000) < 0,
      checkpointed: (checkpoint) => { kept.push(formatCheckpoint(checkpoint)) },
    })
    expect(kept.length).toBeGreaterThan(1)
    for (const file of kept) {
      const resumed = checkProgram(writers, { collect: true, resume: parseCheckpoint(file) })
      expect(summary(resumed)).toEqual(summary(whole))
    }
  })

  it('a violation that was collected before the search stopped is its verdict', () => {
    const lost = program(interruptPrograms.get('4.nocli')?.text ?? '')
    const options: CheckOptions = { collect: true, allowBlocked: true, atRest: () => 'wrong' }
    const { checkpoint, violation } = checkProgram(lost, { ...options, maxExecutions: 1 })
    if (checkpoint === null) throw new Error('no checkpoint')
    const resumed = checkProgram(lost, { ...options, atRest: () => undefined, resume: checkpoint })
    expect(resumed).toMatchObject({ verdict: 'violation', violation })
  })

  it.each([
    ['a truncated file', stopped().slice(0, 80), {}, 'is not JSON'],
    ['another version', stopped().replace('"version":2', '"version":8'), {}, 'has version 8, expected 2'],
    ['another program', stopped().replace('"program":"inc"', '"program":"dec"'), {}, 'has program dec, this search has inc'],
    ['another mode', stopped(), { mode: 'atMost' } as const, 'has mode exactly, this search has atMost'],
    ['another strategy', stopped(), { strategy: 'naive' } as const, 'is of strategy dpor, this search uses naive'],
  ])('%s is refused', (_what, file, options, message) => {
    expect(() => resume(file, options)).toThrow(CheckpointError)
    expect(() => resume(file, options)).toThrow(message)
  })
})

describe('limits and progress', () => {
  const text = modelText('two-writers', { n: 9 })

  it('a limit of executions is met exactly and leaves the verdict open', () => {
    expect(checkProgram(program(text), { maxExecutions: 100 })).toMatchObject({ verdict: 'unfinished', executions: 100 })
  })

  it('a time limit ends the search', () => {
    let time = 0
    const result = checkProgram(program(text), { maxSeconds: 3, now: () => time += 1000 })
    expect(result.verdict).toBe('unfinished')
    expect(result.executions).toBeLessThan(48_620)
  })

  const reports = (strategy: StrategyName, size: number): { told: Progress[], executions: number } => {
    let time = 0
    const told: Progress[] = []
    const { executions } = checkProgram(program(modelText('two-writers', { n: size })), {
      strategy, now: () => time += 100, progressEverySeconds: 0.1, progress: (p) => { told.push(p) },
    })
    return { told, executions }
  }

  it('past a twentieth of the search, the estimate of what is left comes within a factor of five', () => {
    const { told, executions } = reports('dpor', 9)
    const later = told.filter((p) => p.executions > executions / 20)
    expect(later.length).toBeGreaterThan(4)
    for (const { done, executions: soFar } of later) {
      expect(soFar / done).toBeGreaterThan(executions / 5)
      expect(soFar / done).toBeLessThan(executions * 5)
    }
  })

  it('where no branch is found late, the share that is done only grows', () => {
    const shares = reports('naive', 8).told.map((p) => p.done)
    expect(shares.length).toBeGreaterThan(2)
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
  })
})
