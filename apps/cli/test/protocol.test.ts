// SPDX-License-Identifier: MIT
// A protocol of one's own: written, checked, wrong.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '@bottomhalf/base'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { atEachSave } from '../src/watching.js'
import { bottomhalf } from './inProcess.js'

const before = process.cwd()
let folder = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bottomhalf-'))
  process.chdir(folder)
  await bottomhalf('protocol', 'new', 'mine')
  const mine = readFileSync('mine.ts', 'utf8')
  writeFileSync('unpaid.ts', mine.replace(/^.* putDomain\(dpciDomain\(dpci\)\) .*P2$/m, ''))
  writeFileSync('more.ts', mine.replace(/^ {4}hvmDirqAssist\(dpci\)$/m, '    fetchOr(dpci + STATE, 0)\n$&'))
  writeFileSync('early.ts', mine.replace(/^const ACTIVE.*$/m, '$&\nexport const early = ld(2)'))
  writeFileSync('word.txt', 'prog a\nbase 0\n  wr x 1\nend\n')
})
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

describe('protocol new', () => {
  test('writes production\'s protocol under the name, with imports that resolve from anywhere', () => {
    const mine = readFileSync('mine.ts', 'utf8')
    expect(mine).toContain('PROTOCOL_NAME = \'mine\'')
    expect(mine).not.toContain('from \'./')
  })

  test('--from F says so; another form is refused', async () => {
    expect((await bottomhalf('protocol', 'new', 'same', '--from', 'F')).code).toBe(0)
    expect(readFileSync('same.ts', 'utf8').replace('\'same\'', '\'mine\'')).toBe(readFileSync('mine.ts', 'utf8'))
    expect((await bottomhalf('protocol', 'new', 'other', '--from', 'E2')).code).toBe(2)
  })

  test.each([['mine', /mine\.ts is there already\n$/], ['no/name', /no\/name is no name; expected letters/]])('%s: one line', async (name, message) => {
    const { code, stderr } = await bottomhalf('protocol', 'new', name)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})

describe('over the whole table', () => {
  test('UP2: production\'s text has no defect in any model, and protocol check and check --protocol say the same', async () => {
    const all = await bottomhalf('protocol', 'check', 'mine.ts', '--max-executions', '15', '--json')
    const { models } = JSON.parse(all.stdout) as { models: { model: string, violation: unknown }[] }
    expect(models.filter(({ violation }) => violation !== null)).toEqual([])
    expect(all.code).toBe(0)
    const same = await bottomhalf('check', '--protocol', 'mine.ts', '--executions', '15', '--preemptions', '1', '--json')
    expect((JSON.parse(same.stdout) as { models: unknown }).models).toEqual(models)
  })

  test('UP2 twin: a reference that is not paid back is found, with the model, the rule and the exit code', async () => {
    const { code, stdout } = await bottomhalf('check', '--protocol', 'unpaid.ts', '--executions', '15')
    expect(stdout).toMatch(/^unbind-under-fire .* I4: /m)
    expect(code).toBe(5)
  })
})

describe('with one model', () => {
  const command = fileURLToPath(new URL('../bin/bottomhalf.mjs', import.meta.url))
  const spawned = (...args: string[]) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' })

  test('a violation has lines of the file, and its schedule replays with it', () => {
    const found = spawned('check', 'unbind-under-fire', '--protocol', 'unpaid.ts', '--save', 's.json', '--minimise', '0')
    expect(found.stdout).toContain('bottomhalf replay s.json --protocol unpaid.ts\n')
    expect(found.stdout).toMatch(/ unpaid\.ts:\d+/)
    expect(found.status).toBe(5)
    expect(spawned('replay', 's.json', '--protocol', 'unpaid.ts').status).toBe(5)
  })
})

describe('protocol diff', () => {
  interface Compared { name: string, costs: { atomics: number, locks: number, violation: string | null }[] }
  const compared = async (a: string, b: string): Promise<Compared[]> => {
    const { stdout } = await bottomhalf('protocol', 'diff', a, b, '--json')
    return (JSON.parse(stdout) as { situations: Compared[] }).situations
  }

  test('a copy of production costs what production costs; an atomic more is counted', async () => {
    const same = await compared('F', 'mine.ts')
    expect(same.map(({ name }) => name)).toEqual(['alone', 'again', 'spread'])
    for (const { costs: [production, mine] } of same) expect(mine).toEqual(production)
    const [alone] = await compared('F', 'more.ts')
    expect(alone!.costs[1]!.atomics - alone!.costs[0]!.atomics).toBe(1)
  })

  test('the tasklet takes its lock three times more, and the first form breaks where the second interrupt is spread', async () => {
    const [alone] = await compared('F', 'A')
    expect(alone!.costs.map(({ locks }) => locks)).toEqual([2, 5])
    const { stdout, code } = await bottomhalf('protocol', 'diff', 'F', 'B')
    expect(stdout).toMatch(/^\* spread with B ends early: bug: .*RUN was on/m)
    expect(stdout).toMatch(/ locks taken +│ {2}2 │ {2}2 │ +0 │/)
    expect(code).toBe(0)
  })
})

describe('protocol mutants', () => {
  // production with labels on few lines only
  const labelled = (...needed: string[]): string => readFileSync('mine.ts', 'utf8').split('\n')
    .map((line) => needed.some((label) => line.includes(label)) ? line : line.replace(/ +\/\/ [A-Z]+-?\d.*$/, '')).join('\n')

  test('MT2: a line that is needed is killed, one that is explained survives', async () => {
    writeFileSync('few.ts', labelled('raiseSoftirq(ld(list + NR) as SoftirqNr) ', 'export function takeList')
      .replace(/(function takeList.*\n {2}irqDisable\(\)).*/, '$1 // P6'))
    const { code, stdout } = await bottomhalf('protocol', 'mutants', 'few.ts')
    expect(stdout).toMatch(/^few\.ts:\d+ +P4 +off .*raiseSoftirq\(.*\n {4}[\w-]+ ?.*: I4: /m)
    expect(stdout).toMatch(/^few\.ts:\d+ +P6 +off .*irqDisable\(\)\n {4}SURVIVES: the softirq is never pending/m)
    expect(stdout).toMatch(/^3 mutants: 2 killed, 1 survive, 0 of them unexplained; /m)
    expect(code).toBe(0)
  })

  test('MT2 twin: a labelled line that nobody needs is a survivor without an explanation', async () => {
    writeFileSync('idle.ts', labelled().replace(/^export function scheduleDpci.*$/m, '$&\n  load(dpci + STATE) // P1'))
    const { code, stdout } = await bottomhalf('protocol', 'mutants', 'idle.ts')
    expect(stdout).toContain('SURVIVES: nobody knows why')
    expect(code).toBe(5)
  })
})

describe('--watch', () => {
  test('does it again at a save that changes the file, and tells a mistake instead of ending', async () => {
    writeFileSync('saved.txt', '1')
    const seen: string[] = []
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const code = await atEachSave('saved.txt', async () => {
      seen.push(readFileSync('saved.txt', 'utf8'))
      if (seen.length < 3) writeFileSync('saved.txt', String(seen.length + 1))
      if (seen.length === 2) throw new InputError({ file: 'saved.txt', line: 1, column: 1 }, 'is a 2', 'another number')
      return Promise.resolve(seen.length < 3 ? 0 : 130)
    })
    expect(told.mock.calls).toEqual([['bottomhalf: saved.txt:1:1: is a 2; expected another number\n']])
    told.mockRestore()
    process.exitCode = 0
    expect([code, seen]).toEqual([130, ['1', '2', '3']])
  })
})

describe('bad input: one line', () => {
  test.each([
    [['protocol', 'check', 'none.ts'], 3, /none\.ts: no such file; expected a protocol \(bottomhalf protocol new NAME\)\n$/],
    [['check', '--protocol', 'none.ts'], 3, /none\.ts: no such file/],
    [['protocol', 'diff', 'F', 'G'], 3, /G: no such file; expected a protocol, or a form: A, B, .*\n$/],
    [['protocol', 'diff', 'early.ts', 'F'], 3, /early\.ts:\d+:22: STEP-1: .*; expected a protocol, or a form/],
    [['protocol', 'mutants', 'none.ts'], 3, /none\.ts: no such file/],
    [['protocol', 'mutants', 'early.ts'], 3, /early\.ts:\d+:22: STEP-1: .*; expected a protocol/],
    [['check', '--protocol', 'early.ts'], 3, /early\.ts:\d+:22: STEP-1: .*; expected a protocol/],
    [['check', '--protocol', 'mine.ts', '--html', 'x.html'], 2, /--html needs a MODEL beside --protocol\n$/],
    [['check', '--protocol', 'mine.ts', '--set', 'n=1'], 2, /--set needs a MODEL beside --protocol\n$/],
    [['check', 'spread', '--protocol', 'mine.ts', '--form', 'E2'], 2, /--form and --protocol exclude one another\n$/],
    [['check', 'spread', '--watch'], 2, /--watch is for --protocol\n$/],
    [['replay', 's.json', '--protocol', 'mine.ts', '--model', 'm.ts'], 2, /--program, --model and --protocol exclude one another\n$/],
  ])('%j', async (args, exitCode, message) => {
    const { code, stdout, stderr } = await bottomhalf(...args)
    expect(stderr).toMatch(message)
    expect([stderr.split('\n').length, stdout, code]).toEqual([2, '', exitCode])
  })
})
