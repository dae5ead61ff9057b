// SPDX-License-Identifier: MIT
/** A schedule as C: what stands there, and, with a compiler, that it is C and does the same. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkProgram, loadProgram, replay } from '@bottomhalf/checker'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cProgram } from '../src/cProgram.js'
import { tornText } from './helpers.js'

const locks = `prog locks
base 0
  lock A
  lock B
  unlock B
  unlock A
base 1
  lock B
  lock A
  unlock A
  unlock B
end
`

function exported(text: string): string {
  const program = loadProgram(text)
  const { schedule } = checkProgram(program)
  if (schedule === null) throw new Error('nothing breaks')
  const { session, violation } = replay(program, schedule)
  return cProgram(session.executor, violation, { facts: ['a fact */'], remark: (d) => `line of ${d}` })
}

const torn = exported(tornText)

describe('the text', () => {
  test('CP1: a handler\'s operations stand in its CPU\'s thread, where it entered', () => {
    expect(torn.match(/^static void \*/gm)).toHaveLength(1)
    const order = [...torn.matchAll(/\/\* (\d+) {2}(base0|h1) .*\*\/$/gm)].map(([, step, who]) => [Number(step), who])
    expect(order.map(([step]) => step)).toEqual(order.map((_, i) => i))
    expect(new Set(order.map(([, who]) => who))).toEqual(new Set(['base0', 'h1']))
  })

  test('CP2, CP3: what was read is assumed, and what breaks is asserted not to be reached', () => {
    expect(torn).toMatch(/AT\(0, READ\(atomic_load\(&w_x\), 0\)\);/)
    expect(torn).toMatch(/#else\n {2}assert\(!"assertion: .*"\);/)
  })

  test('a comment ends at its end, whatever is in it', () => {
    expect(torn).toContain('/* a fact * / */')
  })
})

const cc = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0)

describe.skipIf(cc === undefined)('with a C compiler (none is here, if this is skipped)', () => {
  let folder = ''
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'bottomhalf-')) })
  afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

  const compile = (text: string, ...options: string[]) => {
    writeFileSync(join(folder, 'p.c'), text)
    return spawnSync(cc ?? '', ['-std=c11', '-Wall', '-Werror', ...options, 'p.c'], { cwd: folder, encoding: 'utf8' })
  }
  const run = (text: string) => {
    expect(compile(text, '-pthread', '-DREPLAY', '-o', 'p').stderr).toBe('')
    return spawnSync(join(folder, 'p'), { encoding: 'utf8' })
  }

  test.each([['torn', torn], ['locks', exported(locks)]])('CP4: %s: compiles, and has the same values in the order of the schedule', (_, text) => {
    expect(compile(text, '-fsyntax-only').stderr).toBe('')
    const { stdout, status } = run(text)
    expect(stdout).toMatch(/^replayed: /)
    expect(status).toBe(0)
  })

  test('CP4 twin: another value is told', () => {
    const { stderr, status } = run(torn.replace('READ(atomic_load(&w_x), 0)', 'READ(atomic_load(&w_x), 7)'))
    expect(stderr).toContain('7')
    expect(status).not.toBe(0)
  })
})
