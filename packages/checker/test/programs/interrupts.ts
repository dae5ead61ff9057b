// SPDX-License-Identifier: MIT
/**
 * Small programs with interrupts, in families, and for some of them what must hold at the end.
 *
 * A family member is named as in the table of `test/interruptCounts.ts`. `h` are handlers on a CPU, `b` bases.
 */
import type { LitmusView } from '../../src/litmus/view.js'

/** Whether the end of an execution breaks what the program is about. */
type IsWrong = (view: LitmusView, handlers: readonly string[]) => boolean

export interface InterruptProgram {
  readonly text: string
  readonly handlers: readonly string[]
  readonly isWrong: IsWrong
}

type Lines = readonly string[]
interface Handler { readonly name: string, readonly cpu: number, readonly code: Lines }

const programs = new Map<string, InterruptProgram>()

/** All of them, by name. */
export const interruptPrograms: ReadonlyMap<string, InterruptProgram> = programs

function define(
  name: string, bases: readonly Lines[], handlers: readonly Handler[], isWrong: IsWrong = () => false, nest = 1,
): void {
  const lines = [`prog ${name}`, ...nest > 1 ? [`nest ${nest}`] : []]
  bases.forEach((code, cpu) => lines.push(`base ${cpu}`, ...code))
  for (const handler of handlers) lines.push(`irq ${handler.name} ${handler.cpu}`, ...handler.code)
  programs.set(name, { text: [...lines, 'end'].join('\n'), handlers: handlers.map((handler) => handler.name), isWrong })
}

const h = (name: string, cpu: number, ...code: Lines): Handler => ({ name, cpu, code })
/** h1, h2, ... on one CPU. */
const several = (count: number, cpu: number, code: (i: number) => Lines): Handler[] =>
  range(count).map((i) => h(`h${i}`, cpu, ...code(i)))
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const arrivals = (view: LitmusView, handlers: readonly string[]): number =>
  handlers.filter((name) => view.entered(name)).length

const inc = (v: string): Lines => [`rd a ${v}`, `wr ${v} a+1`]
const masked = (...code: Lines): Lines => ['cli', ...code, 'sti']
const critical = (lock: string, ...code: Lines): Lines => [`lock ${lock}`, ...code, `unlock ${lock}`]
const cs = critical('L', ...inc('x'))

// 1, 2: an increment lost between base and handlers, without and with masking
const lostBelow = (least: number): IsWrong => (view, handlers) => view.word('x') < least + arrivals(view, handlers)
for (const k of [1, 2, 3]) {
  define(`1.k${k}`, [inc('x')], several(k, 0, () => inc('x')), lostBelow(1))
  define(`2.k${k}`, [masked(...inc('x'))], several(k, 0, () => inc('x')), lostBelow(1))
}

// 3: a handler that sees how far the base came
for (const n of [1, 2, 3, 4]) {
  define(`3.n${n}`, [range(n).map((i) => `wr y${i} 1`)], several(1, 0, () => range(n).map((i) => `rd r${i} y${i}`)))
}
define('3rev.n3', [range(3).map((i) => `wr y${i} 1`)], several(1, 0, () => range(3).reverse().map((i) => `rd r${i} y${i}`)))
for (const n of [2, 3]) {
  define(`3.n${n}.k2`, [range(n).map((i) => `wr y${i} 1`)], several(2, 0, () => range(n).map((i) => `rd r${i} y${i}`)))
}

// 4: two CPUs with a handler each
const sumLost = (...words: Lines): IsWrong => (view, handlers) =>
  words.reduce((sum, word) => sum + view.word(word), 0) < 2 + arrivals(view, handlers)
define('4.nocli', [inc('x'), inc('x')], [h('h0', 0, ...inc('x')), h('h1', 1, ...inc('x'))], sumLost('x'))
define('4.cli', [masked(...inc('x')), masked(...inc('x'))], [h('h0', 0, ...inc('x')), h('h1', 1, ...inc('x'))], sumLost('x'))
define('4.percpu', [inc('x'), inc('y')], [h('h0', 0, ...inc('x')), h('h1', 1, ...inc('y'))], sumLost('x', 'y'))
define('4.percpu.cli', [masked(...inc('x')), masked(...inc('y'))], [h('h0', 0, ...inc('x')), h('h1', 1, ...inc('y'))], sumLost('x', 'y'))

// 5: base and handlers push onto one list
const push = (id: number): Lines => ['rd o head', `wr next${id} o`, `wr head ${id}`]
const misses: IsWrong = (view, handlers) => {
  const linked = new Set<number>()
  for (let at = view.word('head'); at !== 0 && !linked.has(at); at = view.word(`next${at}`)) linked.add(at)
  return [9, ...handlers.flatMap((name, i) => view.entered(name) ? [i + 1] : [])].some((id) => !linked.has(id))
}
for (const k of [1, 2]) {
  define(`5.nocli.k${k}`, [push(9)], several(k, 0, push), misses)
  define(`5.cli.k${k}`, [masked(...push(9))], several(k, 0, push), misses)
}

// 6: a pending word that is cleared before or after the work
function looks(k: number, clearFirst: boolean): Lines {
  return ['1', '2'].flatMap((turn) => {
    const work = range(k).map((i) => `rd ${turn === '1' ? 'a' : 'b'}${i} d${i}`)
    const body = clearFirst ? ['wr pend 0', ...work] : [...work, 'wr pend 0']
    return [`rd p${turn} pend`, `if p${turn} == 0 N${turn}`, ...body, `label N${turn}`]
  })
}
const unseen: IsWrong = (view, handlers) => view.word('pend') === 0 && handlers.some((name, i) =>
  view.entered(name) && view.register('base0', `a${i + 1}`) === 0 && view.register('base0', `b${i + 1}`) === 0)
for (const k of [1, 2]) {
  for (const first of ['clear', 'handle']) {
    define(`6.${first}first.k${k}`, [looks(k, first === 'clear')], several(k, 0, (i) => [`wr d${i} 1`, 'wr pend 1']), unseen)
  }
}

// 7: going to sleep while work arrives
const ring: Lines = ['wr pend 1', 'wr bell 1']
const naiveSleep: Lines = ['rd p pend', 'if p != 0 W', 'wr bell 0', 'wait bell', 'label W', 'xchg q pend 0']
const checkedSleep: Lines = ['cli', 'rd p pend', 'if p != 0 W', 'wr bell 0', 'sti', 'wait bell', 'jmp X', 'label W', 'sti',
  'label X', 'xchg q pend 0']
const sleepsOver: IsWrong = (view) => !view.isComplete && view.word('pend') !== 0
for (const k of [1, 2]) {
  define(`7.naive.k${k}`, [naiveSleep], several(k, 0, () => ring), sleepsOver)
  define(`7.clicheck.k${k}`, [checkedSleep], several(k, 0, () => ring), sleepsOver)
  define(`7.onestep.k${k}`, [['wait pend', 'xchg q pend 0']], several(k, 0, () => ring), sleepsOver)
}
define('7.ipi.naive', [naiveSleep, ['rd u req', ...ring]], [], sleepsOver)

// 8, 9: a lock that base and handler share
for (const k of [1, 2]) {
  const name = (form: string): string => k === 1 ? `8.${form}` : `8.${form}.k2`
  define(name('if1'), [cs], several(k, 0, () => cs))
  define(name('irqsave'), [masked(...cs)], several(k, 0, () => cs))
}
define('8.badsave', [['lock L', ...masked(...inc('x')), 'unlock L']], several(1, 0, () => cs))
define('9.nocli', [cs, cs], [h('h1', 1, ...cs)])
define('9.cli', [cs, masked(...cs)], [h('h1', 1, ...cs)])
define('9.clibad0', [masked(...cs), cs], [h('h1', 1, ...cs)])
define('9.abba', [['lock A', 'lock B', 'unlock B', 'unlock A'], masked('lock A', 'unlock A')],
  [h('h1', 1, 'lock B', 'lock A', 'unlock A', 'unlock B')])

// 10: a sequence counter
const seqRead: Lines = ['rd s seq', 'rd a d1', 'rd b d2', 'rd t seq']
const seqWrite: Lines = ['add s1 seq 1', 'wr d1 1', 'wr d2 1', 'add s2 seq 1']
const torn = (reader: string): IsWrong => (view) => {
  const [s = 0, t = 0, a = 0, b = 0] = ['s', 't', 'a', 'b'].map((register) => view.register(reader, register))
  return s === t && s % 2 === 0 && a !== b
}
define('10.same', [seqRead], [h('h1', 0, ...seqWrite)], torn('base0'))
define('10.cross', [['rd z zz'], seqRead], [h('h1', 0, ...seqWrite)], torn('base1'))
define('10.rdirq', [seqWrite], [h('h1', 0, ...seqRead)], torn('h1'))
define('10.same.k2', [seqRead], several(2, 0, () => seqWrite), torn('base0'))

// 11: a record that is scheduled by handlers and run by the bases
const serve = (c: number): Lines => [`xchg t list${c} 0`, 'if t == 0 E', 'or o st 2', 'if o & 2 B', 'and u st -2', 'add v runs 1',
  'and w st -3', 'jmp E', 'label B', `wr list${c} 1`, 'label E']
const schedule = (c: number, test: string): Lines => ['or o st 1', `if o ${test} E`, `wr list${c} 1`, 'label E']
for (const [form, test] of [['good', '& 1'], ['old0', '!= 0']] as const) {
  for (const c of [1, 2]) {
    for (const k of [1, 2]) {
      const cpus = range(c).map((i) => i - 1)
      const handlers = cpus.flatMap((cpu) => range(k).map((i) => h(`h${cpu}${i}`, cpu, ...schedule(cpu, test))))
      const lost: IsWrong = (view) => (view.word('st') & 1) !== 0 && cpus.every((cpu) => view.word(`list${cpu}`) === 0)
      define(`11.${form}.c${c}k${k}`, cpus.map(serve), handlers, lost)
    }
  }
}

// 12: handlers that conflict with one another, all, in pairs, in a chain, not at all
define('12.all', [[]], several(3, 0, (i) => [`wr x ${i}`]))
define('12.tri', [[]], [h('h1', 0, 'wr u 1', 'wr v 1'), h('h2', 0, 'wr v 2', 'wr w 2'), h('h3', 0, 'wr w 3', 'wr u 3')])
define('12.chain', [[]], [h('h1', 0, 'wr u 1'), h('h2', 0, 'wr u 2', 'wr v 2'), h('h3', 0, 'wr v 3')])
define('12.indep', [[]], [h('h1', 0, 'wr u 1'), h('h2', 0, 'wr v 2'), h('h3', 0, 'wr w 3')])

// 13: steps that conflict with nothing around the one that does
const padded = (n: number, ...code: Lines): Lines =>
  [...range(n).map((i) => `wr y${i - 1} 1`), ...code, ...range(n).map((i) => `wr q${i - 1} 1`)]
for (const n of [0, 1, 2, 4]) define(`13.n${n}`, [padded(n, 'rd a z')], several(1, 0, () => ['wr z 1']))
for (const n of [0, 2, 4]) define(`13w.n${n}`, [padded(n, ...inc('z'))], several(1, 0, () => inc('z')))

// 14: another CPU's handler
define('14', [['wr y 1', 'wr y 2'], ['rd a x', 'rd b x']], [h('h1', 0, 'wr x 1')])
define('14.own', [['rd c x'], ['rd a x', 'rd b x']], [h('h1', 0, 'wr x 1')])

// 15: handlers that let others in
const openInc: Lines = ['rd a x', 'sti', 'wr x a+1']
define('15.b1', [inc('x')], [h('h1', 0, ...openInc), h('h2', 0, ...inc('x'))], lostBelow(1))
define('15.b2', [inc('x')], [h('h1', 0, ...openInc), h('h2', 0, ...inc('x'))], lostBelow(1), 2)
define('15.both.b2', [inc('x')], [h('h1', 0, ...openInc), h('h2', 0, ...openInc)], lostBelow(1), 2)
for (const nest of [1, 2, 3]) define(`15.three.b${nest}`, [[]], several(3, 0, () => openInc), lostBelow(0), nest)

// 16 to 27: what attempts at shortcuts missed
define('16.cli', [['wr x 1'], masked('rd b x')], [h('g', 1, 'rd c x')])
define('16.cli.pre', [['wr x 1'], masked('wr y 1', 'rd b x')], [h('g', 1, 'rd c x')])
define('17.twoh', [['wr x 1'], []], [h('g1', 1, 'rd d y', 'rd b x'), h('g2', 1, 'rd c x')])
define('18.behind', [['wr x 1'], ['rd b x']], [h('g', 1, 'rd d y', 'rd c x')])
define('19.span', [['rd a x'], ['wr y 1', 'wr x 1', 'wr x 2', 'wr z 1']], [h('h', 0, 'rd b y', 'rd c z')])
define('20.cas', [['cas a x 0 1']], [h('h1', 0, 'cas a x 0 2'), h('h2', 0, 'cas a x 0 3')])
define('21.branch', [['rd a f', 'if a == 0 E', 'wr g 1', 'rd b x', 'label E']],
  [h('h1', 0, 'wr f 1'), h('h2', 0, 'rd c g', 'if c == 0 E', 'wr x 1', 'label E')])
define('22.ifend', [['cli', 'rd a x'], ['wr x 1']], [h('h1', 0, 'wr x 2')])
define('23.sleep', [['wr x 1'], []], [h('h0', 1, 'rd a x'), h('h1', 0, 'rd b x')])
define('24.blocked', [['wr x 2', 'lock L', 'wr x 1'], ['lock L', 'unlock L']], [h('h0', 1, 'wr x 3', 'rd a x')])
define('25.nest', [[]], [h('h1', 0, 'sti', 'rd a x'), h('h2', 0, 'sti', 'wr x 3', 'wr x 4')], () => false, 2)
define('26.mix', [['add a x 1'], ['rd a x']], [h('h0', 0, 'rd b x'), h('h1', 1, 'wr x 2')])
define('27.foot', [['rd a x'], ['rd b x']], [h('h0', 0, 'rd c y'), h('h1', 1, 'wr x 1')])
