// SPDX-License-Identifier: MIT
/**
 * The classics of model checking as programs in the text form, by size: their numbers of executions are facts, and a
 * checker that reports others is wrong.
 */
import { repeat, type ClassicModel } from './classic.js'

const n = (from: number, to: number, initial: number) => ({ n: { from, to, initial, what: 'number of threads' } })

/** A program whose contexts are threads, each on a CPU of its own. */
function threads(name: string, bodies: readonly string[], head: readonly string[] = []): string {
  return [`prog ${name}`, ...head, ...bodies.flatMap((body, cpu) => [`base ${cpu}`, body]), 'end'].join('\n')
}

const lines = (...statements: readonly string[]): string => statements.map((s) => `  ${s}`).join('\n')

export const classics: readonly ClassicModel[] = [
  {
    name: 'writers', about: 'n threads, each x = i', parameters: n(1, 31, 3),
    text: (p) => threads('writers', repeat(p.n, (i) => lines(`wr x ${i + 1}`))),
  },
  {
    name: 'writers-reader', about: 'n threads, each x = i, and one that reads x', parameters: n(1, 30, 3),
    text: (p) => threads('writers-reader', [...repeat(p.n, (i) => lines(`wr x ${i + 1}`)), lines('rd r x')]),
  },
  {
    name: 'readers', about: 'one writer x = 1, n readers', parameters: n(1, 30, 3),
    text: (p) => threads('readers', [lines('wr x 1'), ...repeat(p.n, () => lines('rd r x'))]),
  },
  {
    name: 'lastzero', about: 'writer j sets a[j] = a[j-1] + 1; a reader scans down to the first 0', parameters: n(1, 30, 4),
    text: (p) => threads('lastzero', [
      lines(`set i ${p.n}`, 'label NEXT', 'rd r a[i]', 'if r == 0 FOUND', 'set i i-1', 'jmp NEXT', 'label FOUND'),
      ...repeat(p.n, (i) => lines(`rd r a[${i}]`, `wr a[${i + 1}] r+1`)),
    ], [`array a ${p.n + 1}`]),
  },
  {
    name: 'indexer', about: 'a hash table of 128 places, 4 insertions a thread', parameters: n(1, 20, 12),
    text: (p) => threads('indexer', repeat(p.n, indexerThread), ['array table 128']),
  },
  {
    name: 'filesystem', about: '26 blocks, 32 inodes, a lock each', parameters: n(1, 31, 14),
    text: (p) => threads('filesystem', repeat(p.n, filesystemThread),
      ['array inode 32', 'array inodeLock 32', 'array busy 26', 'array busyLock 26']),
  },
  {
    name: 'fetch-add', about: 'n threads, one fetchAdd of one word each', parameters: n(1, 31, 3),
    text: (p) => threads('fetch-add', repeat(p.n, () => lines('add r x 1'))),
  },
  {
    name: 'casrot', about: 'thread i: compare-and-swap x from i - 1 to i', parameters: n(1, 31, 4),
    text: (p) => threads('casrot', repeat(p.n, (i) => lines(`cas r x ${i} ${i + 1}`))),
  },
  {
    name: 'cas', about: 'n threads compare-and-swap x from 0 to their number', parameters: n(1, 31, 4),
    text: (p) => threads('cas', repeat(p.n, (i) => lines(`cas r x 0 ${i + 1}`))),
  },
  {
    name: 'cas-write', about: 'n threads compare-and-swap x from 0 to their number, then write y; one writes x = 0',
    parameters: n(1, 30, 3),
    text: (p) => threads('cas-write', [...repeat(p.n, (i) => lines(`cas r x 0 ${i + 1}`, `wr y ${i + 1}`)), lines('wr x 0')]),
  },
  {
    name: 'inc', about: 'n threads: read x, write x + 1', parameters: n(1, 31, 3),
    text: (p) => threads('inc', repeat(p.n, () => lines('rd r x', 'wr x r+1'))),
  },
  {
    name: 'sb-ring', about: 'store buffering: thread i writes x[i], reads x[i+1]', parameters: n(2, 31, 3),
    text: (p) => threads('sb-ring', repeat(p.n, (i) => lines(`wr x[${i}] 1`, `rd r x[${(i + 1) % p.n}]`)), [`array x ${p.n}`]),
  },
  {
    name: 'lb-ring', about: 'load buffering: thread i reads x[i], writes x[i+1]', parameters: n(2, 31, 3),
    text: (p) => threads('lb-ring', repeat(p.n, (i) => lines(`rd r x[${i}]`, `wr x[${(i + 1) % p.n}] 1`)), [`array x ${p.n}`]),
  },
  {
    name: 'mp', about: 'message passing', parameters: {},
    text: () => threads('mp', [lines('wr x 1', 'wr y 1'), lines('rd a y', 'rd b x')]),
  },
  {
    name: 'iriw', about: 'independent reads of independent writes', parameters: {},
    text: () => threads('iriw', [lines('wr x 1'), lines('wr y 1'), lines('rd a x', 'rd b y'), lines('rd c y', 'rd d x')]),
  },
  {
    name: 'two-writers', about: 'two threads, n writes each to one word',
    parameters: { n: { from: 1, to: 12, initial: 3, what: 'writes of a thread' } },
    text: (p) => threads('two-writers', [1, 2].map((thread) => lines(...repeat(p.n, (i) => `wr x ${thread}${i}`)))),
  },
  {
    name: 'lockinc', about: 'n threads, one critical section each', parameters: n(1, 31, 3),
    text: (p) => threads('lockinc', repeat(p.n, () => lines('lock L', 'rd r x', 'wr x r+1', 'unlock L'))),
  },
  {
    name: 'lock2', about: 'n threads, two critical sections each', parameters: n(1, 31, 2),
    text: (p) => threads('lock2', repeat(p.n, () => lines(...repeat(2, () => ['lock L', 'rd r x', 'wr x r+1', 'unlock L']).flat()))),
  },
  {
    name: 'ab-ba', about: 'two threads take two locks in opposite order', parameters: {},
    text: () => threads('ab-ba', [lines('lock A', 'lock B', 'unlock B', 'unlock A'), lines('lock B', 'lock A', 'unlock A', 'unlock B')]),
  },
  {
    name: 'dining', about: 'n locks in a ring, each thread takes two neighbours', parameters: n(2, 31, 3),
    text: (p) => threads('dining', repeat(p.n, (i) => {
      const [left, right] = [`fork[${i}]`, `fork[${(i + 1) % p.n}]`]
      return lines(`lock ${left}`, `lock ${right}`, `unlock ${right}`, `unlock ${left}`)
    }), [`array fork ${p.n}`]),
  },
  {
    name: 'ticket', about: 'a ticket lock with await, one critical section each', parameters: n(1, 31, 3),
    text: (p) => threads('ticket', repeat(p.n, () => lines(
      'add t next 1', 'wait serving == t', 'rd r x', 'wr x r+1', 'wr serving t+1'))),
  },
  {
    name: 'ttas', about: 'a test-and-test-and-set lock, one critical section each', parameters: n(1, 31, 2),
    text: (p) => threads('ttas', repeat(p.n, () => lines(
      'label AGAIN', 'wait l == 0', 'cas o l 0 1', 'if o != 0 AGAIN', 'rd r x', 'wr x r+1', 'wr l 0'))),
  },
  {
    name: 'mcs', about: 'the queue lock of Mellor-Crummey and Scott, one critical section each', parameters: n(1, 30, 2),
    text: (p) => threads('mcs', repeat(p.n, (i) => mcsThread(i + 1)), [`array next ${p.n + 1}`, `array held ${p.n + 1}`]),
  },
  {
    name: 'treiber', about: 'a stack of linked records: every thread pushes its own, then pops one', parameters: n(1, 30, 2),
    text: (p) => threads('treiber', repeat(p.n, (i) => treiberThread(i + 1)), [`array next ${p.n + 1}`]),
  },
  {
    name: 'seqlock', about: 'one writer of two words, n readers that look once', parameters: n(1, 30, 2),
    text: (p) => threads('seqlock', [
      lines('add s seq 1', 'wr d1 1', 'wr d2 1', 'add s seq 1'),
      ...repeat(p.n, () => lines('rd s seq', 'if s & 1 SKIP', 'rd a d1', 'rd b d2', 'rd t seq', 'if s != t SKIP',
        'assert a == b', 'label SKIP')),
    ]),
  },
  {
    name: 'fib_bench', about: 'i += j against j += i, n times each',
    parameters: { n: { from: 1, to: 8, initial: 2, what: 'rounds of a thread' } },
    text: (p) => {
      const rounds = (mine: string, other: string): string =>
        lines(...repeat(p.n, () => [`rd a ${mine}`, `rd b ${other}`, `wr ${mine} a+b`]).flat())
      return threads('fib_bench', [rounds('i', 'j'), rounds('j', 'i')], ['init i 1', 'init j 1'])
    },
  },
  {
    name: 'peterson', about: 'the lock of Peterson for two, one look, no spin', parameters: {},
    text: () => threads('peterson', [0, 1].map((me) => lines(
      `wr flag[${me}] 1`, `wr turn ${1 - me}`, `rd f flag[${1 - me}]`, 'if f == 0 IN', 'rd t turn', `if t != ${me} OUT`,
      'label IN', 'rd r x', 'wr x r+1', 'label OUT', `wr flag[${me}] 0`)), ['array flag 2']),
  },
  {
    name: 'lamport', about: 'the fast mutex of Lamport, n threads, one look, no spin', parameters: n(2, 8, 2),
    text: (p) => threads('lamport', repeat(p.n, (i) => lamportThread(i, p.n)), [`array b ${p.n}`]),
  },
  {
    name: 'szymanski', about: 'the lock of Szymanski for two, waits as awaits', parameters: {},
    text: () => threads('szymanski', [0, 1].map((me) => szymanskiThread(`flag[${me}]`, `flag[${1 - me}]`, me)), ['array flag 2']),
  },
]

function indexerThread(thread: number): string {
  return lines(...repeat(4, (k) => {
    const message = (k + 1) * 11 + thread
    return [
      `set h ${(message * 7) % 128}`, `label TRY${k}`, `cas r table[h] 0 ${message}`, `if r == 0 DONE${k}`,
      'set h h+1', `if h < 128 TRY${k}`, 'set h 0', `jmp TRY${k}`, `label DONE${k}`,
    ]
  }).flat())
}

function filesystemThread(thread: number): string {
  const inode = thread % 32
  return lines(
    `lock inodeLock[${inode}]`, `rd r inode[${inode}]`, 'if r != 0 OUT', `set b ${(inode * 2) % 26}`,
    'label TRY', 'lock busyLock[b]', 'rd r busy[b]', 'if r == 0 FREE', 'unlock busyLock[b]',
    'set b b+1', 'if b < 26 TRY', 'set b 0', 'jmp TRY',
    'label FREE', 'wr busy[b] 1', `wr inode[${inode}] b+1`, 'unlock busyLock[b]', 'label OUT', `unlock inodeLock[${inode}]`)
}

function mcsThread(me: number): string {
  return lines(
    `wr held[${me}] 1`, `xchg p tail ${me}`, 'if p == 0 IN', `wr next[p] ${me}`, `wait held[${me}] == 0`,
    'label IN', 'rd r x', 'wr x r+1',
    `rd s next[${me}]`, 'if s != 0 PASS', `cas o tail ${me} 0`, `if o == ${me} OUT`, `wait next[${me}]`, `rd s next[${me}]`,
    'label PASS', 'wr held[s] 0', 'label OUT')
}

function treiberThread(me: number): string {
  return lines(
    'label PUSH', 'rd h head', `wr next[${me}] h`, `cas o head h ${me}`, 'if o != h PUSH',
    'label POP', 'rd h head', 'if h == 0 OUT', 'rd k next[h]', 'cas o head h k', 'if o != h POP', 'label OUT')
}

function lamportThread(me: number, count: number): string {
  const others = repeat(count, (j) => j).filter((j) => j !== me)
  return lines(
    `wr b[${me}] 1`, `wr x ${me + 1}`, 'rd r y', 'if r != 0 OUT', `wr y ${me + 1}`, 'rd r x', `if r == ${me + 1} IN`,
    `wr b[${me}] 0`, ...others.map((j) => `wait b[${j}] == 0`), 'rd r y', `if r != ${me + 1} END`,
    'label IN', 'rd r z', 'wr z r+1', 'wr y 0', 'label OUT', `wr b[${me}] 0`, 'label END')
}

function szymanskiThread(mine: string, other: string, me: number): string {
  const enter = me === 0 ? [] : [`wait ${other} < 2`]       // behind those of lower number
  const leave = me === 0 ? [`wait ${other} !& 2`] : []      // those of higher number are out of the way: 0, 1 or 4
  return lines(
    `wr ${mine} 1`, `wait ${other} < 3`, `wr ${mine} 3`, `rd r ${other}`, 'if r != 1 GO', `wr ${mine} 2`, `wait ${other} == 4`,
    'label GO', `wr ${mine} 4`, ...enter, 'rd r x', 'wr x r+1', ...leave, `wr ${mine} 0`)
}
