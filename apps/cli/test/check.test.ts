// SPDX-License-Identifier: MIT
// `check` and `replay` as a user starts them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
    const limited = bottomhalf('check', 'lastzero', '--set', 'n=6', '--executions', '20', '--checkpoint', 'c.json')
    expect(limited.code).toBe(6)
    const resumed = bottomhalf('check', 'lastzero', '--set', 'n=6', '--resume', 'c.json', '--json')
    expect(JSON.parse(resumed.stdout)).toMatchObject({ verdict: 'clean', complete: 144, executions: 144 })
  })

  test.each([
    [['lockinc', '--set', 'n=7']],
    [['rebind-under-fire', '--strategy', 'dpor', '--executions', '4500']],
  ])('%j: two threads find what one finds', (args) => {
    const [one = '', two = ''] = ['1', '2'].map((n) => bottomhalf('check', ...args, '--workers', n, '--json').stdout)
    expect(JSON.parse(two)).toEqual({ ...JSON.parse(one) as object, seconds: expect.any(Number) as number })
  })

  test('Ctrl-C ends a search in order: what is known so far, 130, and a checkpoint that goes on to the same counts', async () => {
    const child = spawn(process.execPath, [command, 'check', 'lastzero', '--set', 'n=14', '--checkpoint', 'i.json', '--json'], { cwd: folder })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
    await once(child.stderr, 'data')                                  // the first line of progress: it is under way
    child.kill('SIGINT')
    const [code] = await once(child, 'close') as [number]
    expect(code).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'unfinished' })
    const resumed = bottomhalf('check', 'lastzero', '--set', 'n=14', '--resume', 'i.json', '--json')
    expect(JSON.parse(resumed.stdout)).toMatchObject({ verdict: 'clean', complete: 17 * 2 ** 12 })
  })

  test('every verdict says its bounds, and what memory is like', () => {
    const { stdout } = bottomhalf('check', 'ticket', '--strategy', 'bounded', '--preemptions', '1')
    expect(stdout).toContain('at most 1 preemption\n')
    expect(stdout).toContain('3 CPUs, 3 threads, 0 interrupt handlers')
    expect(stdout).toContain('memory: sequentially consistent')
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
    const found = bottomhalf('check', '--program', 'p.txt#lost', '--first')
    expect(found.code).toBe(5)
    expect(found.stdout).toContain('bottomhalf replay lost.schedule.json --program p.txt#lost')
    const again = bottomhalf('replay', 'lost.schedule.json', '--program', 'p.txt#lost')
    expect(again.code).toBe(5)
    expect(found.stdout).toContain(again.stdout.trimEnd())
    expect(JSON.parse(readFileSync(join(folder, 'lost.schedule.json'), 'utf8'))).toMatchObject({ version: 1, program: 'lost' })
  })

  test('lanes mark IF = 0 and nest the handler, with the line of each step beside it', () => {
    const { stdout } = bottomhalf('replay', 'lost.schedule.json', '--program', 'p.txt#lost')
    expect(stdout).toMatch(/^ {3}\d {3}>h1$/m)
    expect(stdout).toMatch(/^ {3}\d {2}░│ load x : 0 +p\.txt:6$/m)
  })

  test('as one object it says where the schedule is and how to run it again', () => {
    const { stdout } = bottomhalf('check', '--program', 'p.txt#lost', '--json', '--save', 's.json')
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'violation', violation: { kind: 'assertion' }, schedule: 's.json', replay: 'bottomhalf replay s.json --program p.txt#lost',
    })
  })

  test('--html and --chrome write the same execution as a page and as a trace', () => {
    const { stdout } = bottomhalf('replay', 's.json', '--program', 'p.txt#lost', '--html', 'l.html', '--chrome', 'l.json', '--json')
    const { steps } = JSON.parse(stdout) as { steps: number }
    const page = readFileSync(join(folder, 'l.html'), 'utf8')
    const data = JSON.parse(/id="data">(.*)<\/script>/.exec(page)?.[1] ?? '') as { steps: unknown[], command: string }
    expect(data.steps).toHaveLength(steps)
    expect(data.command).toBe('bottomhalf replay s.json --program p.txt#lost')
    const { traceEvents } = JSON.parse(readFileSync(join(folder, 'l.json'), 'utf8')) as { traceEvents: { ph: string }[] }
    expect(traceEvents.filter(({ ph }) => ph === 'X')).toHaveLength(steps)
  })

  test('a schedule that was found with detours is made as small by replay --minimise as by check', () => {
    bottomhalf('check', '--program', 'p.txt#lost', '--strategy', 'random', '--seed', '3', '--minimise', '0', '--first', '--save', 'long.json')
    expect(bottomhalf('replay', 'long.json', '--program', 'p.txt#lost', '--minimise', '20', '--save', 'short.json').code).toBe(5)
    const steps = (file: string): number => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { steps: string }).steps.length
    expect(steps('short.json')).toBe(steps('s.json'))
    expect(steps('long.json')).toBeGreaterThanOrEqual(steps('short.json'))
  })

  test('a schedule of other code says which step differs', () => {
    writeFileSync(join(folder, 'q.txt'), broken.replace('  wr x a+1\n  rd b x', '  wr x a+3\n  rd b x'))
    const { code, stderr } = bottomhalf('replay', 's.json', '--program', 'q.txt#lost')
    expect(code).toBe(3)
    expect(stderr).toMatch(/^bottomhalf: s\.json: step \d+: .*another version of the code.*; expected a schedule of this program\n$/)
  })
})

describe('a model of the protocol', () => {
  test('with a form of the past it breaks, with lines of the packages, and the schedule knows its form', () => {
    const found = bottomhalf('check', 'rebind-cancelled', '--form', 'E2', '--save', 'e2.json', '--json')
    expect(JSON.parse(found.stdout)).toMatchObject({ form: 'E2', verdict: 'violation', strategy: 'stateful', schedule: 'e2.json' })
    expect(found.code).toBe(5)
    const again = bottomhalf('replay', 'e2.json')
    expect(again.stdout).toMatch(/ spinlock\/spinlock\.ts:\d+$/m)
    expect(again.code).toBe(5)
    const { stdout } = bottomhalf('replay', 'e2.json', '--c')
    expect(stdout).toMatch(/ raise_softirq_for > get_knownalive_domain domain\/domain\.ts:\d+$/m)
    expect(stdout).toMatch(/ hvm_do_IRQ_dpci > raise_softirq_for history\/forms\/published\.ts:\d+/m)
  })

  test('in production it is exhausted: every schedule', () => {
    const { code, stdout } = bottomhalf('check', 'rebind-cancelled')
    expect(stdout).toMatch(/exhausted: every schedule, \d+ states\n/)
    expect(code).toBe(0)
  })

  test('in production it is clean within its bounds', () => {
    const { code, stdout } = bottomhalf('check', 'rebind-cancelled', '--preemptions', '1')
    expect(stdout).toContain('form F\n')
    expect(stdout).toContain('at most 1 preemption\n')
    expect(code).toBe(0)
  })
})

describe('export', () => {
  const pinned = fileURLToPath(new URL('../../../packages/history/test/schedules/U1.json', import.meta.url))

  test('a pinned schedule becomes a program of C with a thread a CPU, the lines of the packages and what breaks', () => {
    const { code, stdout } = bottomhalf('export', '--c', pinned)
    expect(stdout.match(/^static void \*cpu\d/gm)).toHaveLength(2)
    expect(stdout).toMatch(/compareExchange\(&Domain_\d+_eventLock_state, 0, 1\), 0\)\); .* spinlock\/spinlock\.ts:\d+ \*\/$/m)
    expect(stdout).toMatch(/^ {2}assert\(!".*linked twice"\);$/m)
    expect(code).toBe(0)
  })
})

describe('a model of the user\'s own', () => {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const model = join(here, 'counter.model.ts')
  const text = readFileSync(model, 'utf8')
  const own = join(here, 'own')
  afterAll(() => { rmSync(own, { recursive: true, force: true }) })

  test('is built, run through every interleaving and found clean', () => {
    const { code, stdout } = bottomhalf('check', '--model', `${model}#safe`)
    expect(stdout).toContain('2 CPUs, 2 threads, 1 interrupt handler, 1 at once on a CPU; interrupts: each exactly once')
    expect(code).toBe(0)
  })

  test('broken, it shows names of structs, lines of its source and their rules, and its schedule replays', () => {
    const found = bottomhalf('check', '--model', `${model}#torn`, '--save', 'torn.json')
    expect(found.stdout).toContain('violation: data-race')
    expect(found.stdout).toMatch(/cliCounter\.value.*counter\.model\.ts:9 C1$/m)
    expect(found.code).toBe(5)
    expect(bottomhalf('replay', 'torn.json', '--model', model).code).toBe(5)
    expect(readdirSync(here).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test.each([
    ['a source rule', text.replace('function add(): void {', 'export const early = ld(2)\nfunction add(): void {'), '#torn', /rule\.ts:8:22: STEP-1: .*; expected source that can be stepped\n$/],
    ['no such model', text, '#tor', /rule\.ts: has the models (?:safe, torn|torn, safe); did you mean torn\?; expected FILE#NAME\n$/],
    ['no model at all', 'export const x = 1\n', '', /rule\.ts: exports no models; expected export const x = defineModel/],
  ])('%s is one clear line', (_, source, name, message) => {
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, 'rule.ts'), source)
    const { code, stdout, stderr } = bottomhalf('check', '--model', `${join(own, 'rule.ts')}${name}`)
    expect(stderr).toMatch(message)
    expect(stderr.split('\n')).toHaveLength(2)
    expect([code, stdout]).toEqual([3, ''])
  })
})

describe('bad input: one line', () => {
  beforeAll(() => {
    writeFileSync(join(folder, 'p.txt'), broken)
    writeFileSync(join(folder, 'bad.txt'), 'prog a\nbase 0\n  frobnicate x\nend\n')
    bottomhalf('check', '--program', 'p.txt#lost', '--first', '--save', 's.json')
    bottomhalf('check', 'lastzero', '--set', 'n=6', '--executions', '20', '--checkpoint', 'c.json')
    writeFileSync(join(folder, 'cut.json'), readFileSync(join(folder, 's.json'), 'utf8').slice(0, 60))
  })

  test.each([
    [['check'], 2, /expected either a MODEL .* or --model FILE\n$/],
    [['check', 'nonsense'], 2, /no model nonsense \(bottomhalf check --list\)\n$/],
    [['check', 'lastzeor'], 2, /no model lastzeor; did you mean lastzero\?/],
    [['check', 'rebind-cancelled', '--form', 'E9'], 2, /there is no form E9; known are A, B, .*; did you mean/],
    [['check', 'rebind-cancelled', '--set', 'irq=1'], 2, /model rebind-cancelled has no parameter irq\n$/],
    [['check', 'mp', '--form', 'E2'], 2, /mp has no forms\n$/],
    [['check', 'mp', '--first', '--all'], 2, /--first and --all exclude one another\n$/],
    [['check', '--program', 'p.txt#fine', '--set', 'n=1'], 2, /--set is for a MODEL/],
    [['check', 'mp', '--checkpoint', '/none/c.json', '--executions', '1'], 2, /\/none\/c\.json: cannot be written \(ENOENT\)\n$/],
    [['check', '--program', 'p.txt#los'], 3, /no program los: there are lost, fine; did you mean lost\?; expected FILE#NAME\n$/],
    [['check', '--model', 'none.ts'], 3, /none\.ts: no such file; expected a module that exports models\n$/],
    [['check', 'lastzero', '--set', 'n=99'], 2, /n of lastzero is 99, expected 1\.\.30/],
    [['check', 'lastzero', '--set', 'm=1'], 2, /lastzero has no parameter m: there are n; did you mean n\?/],
    [['check', 'lastzero', '--set', 'n'], 2, /Expected NAME=NUMBER\.\n$/],
    [['check', '--program', 'none.txt'], 3, /none\.txt: no such file; expected a program in the text form\n$/],
    [['check', '--program', 'p.txt#nobody'], 3, /no program nobody: there are lost, fine; expected FILE#NAME\n$/],
    [['check', '--program', 'bad.txt'], 3, /bad\.txt:3:3: .*; expected the text form of programs\n$/],
    [['check', 'mp', '--strategy', 'bounded', '--workers', '2'], 2, /--workers is for dpor and naive/],
    [['check', 'mp', '--resume', 'bad.txt'], 3, /bad\.txt: .*; expected what --checkpoint writes\n$/],
    [['check', 'lastzero', '--set', 'n=5', '--resume', 'c.json'], 3, /c\.json: the checkpoint has codeHash \w+, .*; expected a checkpoint of this very search\n$/],
    [['check', 'mp', '--resume', 'c.json'], 3, /c\.json: the checkpoint has program lastzero, this search has mp; expected a checkpoint of this very search\n$/],
    [['check', 'lastzero', '--set', 'n=6', '--strategy', 'naive', '--resume', 'c.json'], 3, /is of strategy dpor, this search uses naive/],
    [['check', 'lastzero', '--resume', 'cut.json'], 3, /cut\.json: the checkpoint is not JSON: the file is truncated/],
    [['export', 's.json'], 2, /export: expected the language: --c\n$/],
    [['export', '--c', 'cut.json'], 3, /cut\.json: the schedule is not JSON: the file is truncated or something else/],
    [['export', '--c', 'none.json'], 3, /none\.json: no such file; expected a schedule\n$/],
    [['replay', 'cut.json'], 3, /cut\.json: the schedule is not JSON: the file is truncated or something else; expected what `bottomhalf check` saves\n$/],
    [['replay', 's.json'], 2, /s\.json is of lost, which is no model here: name its file with --program or --model\n$/],
    [['replay', 'bad.txt'], 3, /bad\.txt: the schedule is not JSON.*; expected what `bottomhalf check` saves\n$/],
  ])('%j', (args, exitCode, message) => {
    const { code, stdout, stderr } = bottomhalf(...args)
    expect(stderr).toMatch(message)
    expect(stderr.split('\n')).toHaveLength(2)
    expect(stdout).toBe('')
    expect(code).toBe(exitCode)
  })
})
