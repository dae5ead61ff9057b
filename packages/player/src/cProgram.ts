// SPDX-License-Identifier: MIT
/**
 * An execution as a C program for other checkers: C11 atomics, threads, assertions.
 *
 *     static void *cpu0(void *unused) {
 *       AT(0, READ(compareExchange(&eventLock_state, 0, 1), 0));      step 0 of the lanes, and where it stands
 *
 * CP1  A thread for each CPU, with the operations that it did, in their order. A handler's stand where it entered: other
 *      checkers know no interrupts, and a handler keeps its CPU to itself.
 * CP2  The code is straight: an operation is the one that was done *because* the reads before it gave what they gave. So each
 *      value that was read is assumed; an execution in which one differs is not one of this code.
 * CP3  What breaks at the end of the execution is asserted not to be reached; where nothing breaks, the last values are.
 * CP4  With -DREPLAY the threads take turns in the order of the schedule, and every value is asserted.
 */
import type { Executor, Violation } from '@bottomhalf/checker'
import { operationOf } from './cOperation.js'
import { CNames, numberOf, type Word } from './cNames.js'

export interface CProgramOptions {
  /** What is said at the head, a line each. */
  readonly facts?: readonly string[]
  /** What to say of a step: its place in the source, for example. */
  readonly remark?: (step: number) => string
}

/** The present execution of an executor as the text of a C file. */
export function cProgram(executor: Executor, violation: Violation | null, options: CProgramOptions = {}): string {
  const { facts = [], remark = () => '' } = options
  const names = new CNames(executor)
  const lines: string[][] = Array.from({ length: executor.cpuCount }, () => [])
  let turns = 0
  for (let d = 0; d < executor.depth; d++) {
    const { code, note } = operationOf(executor, d, names)
    const said = comment([`${d}`, contextName(executor, d), note, remark(d)].filter((part) => part !== '').join('  '))
    lines[executor.trace.cpu[d]!]!.push(code === '' ? `  ${said}` : `  ${`AT(${turns++}, ${code});`.padEnd(90)} ${said}`)
  }
  const threads = lines.flatMap((body, cpu) => body.length === 0 ? [] : [{ name: `cpu${cpu}`, body }])
  const bodies = threads.flatMap(({ name, body }) =>
    [`static void *${name}(void *unused) {`, '  (void)unused;', ...body, '  return 0;', '}', ''])
  const text = [...bodies, ...mainOf(threads.map(({ name }) => name), names.words(), executor, violation)]
  const needsExchange = text.some((line) => line.includes('compareExchange('))
  return `${[...headOf(executor, violation, facts), ...needsExchange ? exchange : [], ...names.words().map(declaration), '', ...text].join('\n')}\n`
}

const contextName = ({ program, trace }: Executor, d: number): string => program.contexts[trace.label[d]!]?.name ?? '-'

const comment = (text: string): string => `/* ${text.replaceAll('*/', '* /')} */`

function headOf(executor: Executor, violation: Violation | null, facts: readonly string[]): string[] {
  const order = runsOf(executor).map(([name, steps]) => `${name} ${steps}`).join(', ')
  return [
    comment(`${executor.program.name}: ${executor.depth} steps`),
    ...facts.map(comment),
    comment(violation === null ? 'nothing breaks' : `${violation.kind}: ${violation.message}`),
    comment(`who goes how many steps, in order: ${order}`),
    comment('cc -std=c11 -pthread -DREPLAY runs it in this order; without it it is for a checker that knows __VERIFIER_assume'),
    '#include <assert.h>',
    '#include <math.h>',
    '#include <pthread.h>',
    '#include <stdatomic.h>',
    '#ifdef REPLAY',
    '#include <sched.h>',
    '#include <stdio.h>',
    'static atomic_int turn;',
    '#define AT(n, operation) do { while (atomic_load(&turn) != (n)) sched_yield(); operation; atomic_store(&turn, (n) + 1); } while (0)',
    '#define READ(x, value) assert((x) == (value))',
    '#else',
    'void __VERIFIER_assume(int);',
    '#define AT(n, operation) do { operation; } while (0)',
    '#define READ(x, value) __VERIFIER_assume((x) == (value))',
    '#endif',
    '',
  ]
}

const exchange = [
  'static int compareExchange(atomic_int *word, int expected, int desired) {',
  '  atomic_compare_exchange_strong(word, &expected, desired);',
  '  return expected;',
  '}',
  '',
]

function runsOf(executor: Executor): [string, number][] {
  const runs: [string, number][] = []
  for (let d = 0; d < executor.depth; d++) {
    const name = contextName(executor, d)
    const last = runs.at(-1)
    if (last?.[0] === name) last[1]++
    else runs.push([name, 1])
  }
  return runs
}

function declaration({ name, kind, initial, of }: Word): string {
  const type = { atomic: 'atomic_int', plain: 'int', time: 'double' }[kind]
  return `${`static ${type} ${name} = ${numberOf(initial)};`.padEnd(70)} ${comment(of)}`
}

// CP3
function mainOf(
  threads: readonly string[], words: readonly Word[], executor: Executor, violation: Violation | null,
): string[] {
  const lasts = words.map(({ name, last }) => ({ name, value: numberOf(last(executor)) }))
  const message = violation === null ? '' : `${violation.kind}: ${violation.message}`
  return [
    'int main(void) {',
    `  pthread_t threads[${threads.length}];`,
    ...threads.map((name, i) => `  pthread_create(&threads[${i}], 0, ${name}, 0);`),
    ...threads.map((_, i) => `  pthread_join(threads[${i}], 0);`),
    ...lasts.map(({ name, value }) => violation === null ? `  assert(${name} == ${value});` : `  READ(${name}, ${value});`),
    '#ifdef REPLAY',
    `  puts(${JSON.stringify(violation === null ? 'replayed' : `replayed: ${message}`)});`,
    ...violation === null ? [] : ['#else', `  assert(!${JSON.stringify(message)});`],
    '#endif',
    '  return 0;',
    '}',
  ]
}
