// SPDX-License-Identifier: MIT
// `check` and `replay` as a user starts them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const command = fileURLToPath(new URL('../bin/bottomhalf.mjs', import.meta.url))
let folder = ''

beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'bottomhalf-')) })
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

function bottomhalf(...args: string[]): { code: number | null, stdout: string, stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { cwd: folder, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

const broken = `prog lost
base 0
  rd a x
  wr x a+1
irq h1 0
  rd a x
  wr x a+1
  rd b x
  assert b == 2
end

prog fine
base 0
  wr x 1
end
`

describe('counts', () => {
  test.each([
    [['lastzero', '--set', 'n=5'], { complete: 64, blocked: 0 }],
    [['lastzero', '--set', 'n=5', '--strategy', 'optimal', '--order', '7'], { complete: 64, executions: 64 }],
    [['ab-ba'], { complete: 2, blocked: 1, waitSignatures: ['base0: lock B; base1: lock A'] }],
    [['dpci'], { mode: 'threads', complete: 54, blocked: 0 }],
    [['dpci', '--set', 'control=1'], { complete: 346 }],
  ])('%j', (args, counts) => {
    const { code, stdout } = bottomhalf('check', ...args, '--json')
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'clean', ...counts })
    expect(code).toBe(0)
  })

  test('a search stopped by a limit is unfinished, and goes on to the same counts', () => {
    const limited = bottomhalf('check', 'lastzero', '--set', 'n=6', '--max-executions', '20', '--checkpoint', 'c.json')
    expect(limited.code).toBe(6)
    const resumed = bottomhalf('check', 'lastzero', '--set', 'n=6', '--resume', 'c.json', '--json')
    expect(JSON.parse(resumed.stdout)).toMatchObject({ verdict: 'clean', complete: 144, executions: 144 })
  })

  test('--list names every model with its parameters', () => {
    const { models } = JSON.parse(bottomhalf('check', '--list', '--json').stdout) as { models: { name: string }[] }
    const table = bottomhalf('check', '--list').stdout
    for (const { name } of models) expect(table).toContain(`│ ${name} `)
    expect(models.map(({ name }) => name)).toEqual(expect.arrayContaining(['lastzero', 'dpci', 'mcs', 'treiber']))
  })
})

describe('a violation', () => {
  test('comes with its lanes, a schedule file and the command that replays it; the replay shows the same', () => {
    writeFileSync(join(folder, 'p.txt'), broken)
    const found = bottomhalf('check', '--program', 'p.txt#lost', '--first', '--out', 's.json')
    expect(found.code).toBe(5)
    expect(found.stdout).toContain('bottomhalf replay s.json --program p.txt#lost')
    const again = bottomhalf('replay', 's.json', '--program', 'p.txt#lost')
    expect(again.code).toBe(5)
    expect(found.stdout).toContain(again.stdout.trimEnd())
    expect(JSON.parse(readFileSync(join(folder, 's.json'), 'utf8'))).toMatchObject({ version: 1, program: 'lost' })
  })

  test('a schedule of other code says which step differs', () => {
    writeFileSync(join(folder, 'q.txt'), broken.replace('  wr x a+1\n  rd b x', '  wr x a+3\n  rd b x'))
    const { code, stderr } = bottomhalf('replay', 's.json', '--program', 'q.txt#lost')
    expect(code).toBe(3)
    expect(stderr).toMatch(/^bottomhalf: s\.json: step \d+: .*another version of the code.*; expected a schedule of this program\n$/)
  })
})

describe('bad input: one line', () => {
  test.each([
    [['check'], 2, /expected either a MODEL .* or --program FILE\n$/],
    [['check', 'nonsense'], 2, /no model nonsense: there are writers,/],
    [['check', 'lastzero', '--set', 'n=99'], 2, /n of lastzero is 99, expected 1\.\.30/],
    [['check', 'lastzero', '--set', 'm=1'], 2, /lastzero has no parameter m: there are n\n$/],
    [['check', 'lastzero', '--set', 'n'], 2, /Expected NAME=NUMBER\.\n$/],
    [['check', '--program', 'none.txt'], 3, /none\.txt: no such file; expected a program in the text form\n$/],
    [['check', '--program', 'p.txt#nobody'], 3, /no program nobody: there are lost, fine; expected FILE#NAME\n$/],
    [['check', '--program', 'bad.txt'], 3, /bad\.txt:3:3: .*; expected the text form of programs\n$/],
    [['check', 'mp', '--resume', 'bad.txt'], 3, /bad\.txt: .*; expected what --checkpoint writes\n$/],
    [['replay', 'bad.txt'], 3, /bad\.txt: the schedule is not JSON.*; expected what `bottomhalf check` saves\n$/],
  ])('%j', (args, exitCode, message) => {
    writeFileSync(join(folder, 'p.txt'), broken)
    writeFileSync(join(folder, 'bad.txt'), 'prog a\nbase 0\n  frobnicate x\nend\n')
    const { code, stdout, stderr } = bottomhalf(...args)
    expect(stderr).toMatch(message)
    expect(stderr.split('\n')).toHaveLength(2)
    expect(stdout).toBe('')
    expect(code).toBe(exitCode)
  })
})
