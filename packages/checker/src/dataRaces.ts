// SPDX-License-Identifier: MIT
/**
 * Data races: two accesses to a word from two CPUs, one of them plain, one of them a write, with nothing between that
 * orders them. An atomic read is ordered behind the atomic write it reads from; locks, vectors and a free are orders or
 * accesses of their own. Base and handlers of one CPU never race: they are one thread of the machine.
 *
 * The clocks are like those of `HappensBefore`, but only what synchronises joins them.
 */
import type { Executor } from './executor.js'
import { Op, opName, PLAIN, properties, READS } from './op.js'
import { larger } from './undo.js'
import { WordTable } from './wordTable.js'

// a word's record: last position by CPU of each kind of access, then the last release
const PLAIN_READ = 0
const PLAIN_WRITE = 1
const ATOMIC_READ = 2
const ATOMIC_WRITE = 3
const KINDS = 4

export class DataRaces {
  private readonly executor: Executor
  private readonly cpuCount: number
  private readonly last: number
  private readonly words: WordTable
  private rows: Int32Array

  constructor(executor: Executor) {
    this.executor = executor
    this.cpuCount = executor.cpuCount
    this.last = executor.undo.reserve(this.cpuCount)
    this.words = new WordTable(executor, KINDS * this.cpuCount + 1)
    this.rows = new Int32Array(256 * this.cpuCount)
  }

  /** Take the step that was just executed into account; a race ends the execution. */
  extend(): void {
    const { executor, cpuCount: n } = this
    const { trace, depth: p, undo } = executor
    const d = p - 1
    const cpu = trace.cpu[d]!
    if ((p + 1) * n > this.rows.length) this.rows = larger(this.rows, (p + 1) * n)
    const from = undo.cells[this.last + cpu]! * n
    for (let i = 0; i < n; i++) this.rows[p * n + i] = this.rows[from + i]!
    this.rows[p * n + cpu] = p
    undo.set(this.last + cpu, p)
    for (let word = 0; word < trace.length[d]!; word++) this.access(d, cpu, trace.address[d]! + word)
  }

  private access(d: number, cpu: number, address: number): void {
    const { trace, undo } = this.executor
    const n = this.cpuCount
    const cell = this.words.cellOf(address)
    const op = trace.op[d]!
    const flags = properties[op]!
    const isPlain = (flags & PLAIN) !== 0 || op === Op.Xfree
    const isWrite = trace.writes[d] !== 0
    this.check(d, cell + PLAIN_WRITE * n, address)
    if (isWrite) this.check(d, cell + PLAIN_READ * n, address)
    if (isPlain) {
      this.check(d, cell + ATOMIC_WRITE * n, address)
      if (isWrite) this.check(d, cell + ATOMIC_READ * n, address)
    } else {
      const release = cell + KINDS * n
      if ((flags & READS) !== 0 || op === Op.Enter) this.acquire(d + 1, undo.cells[release]!)
      if (isWrite) undo.set(release, d + 1)
    }
    const kind = (isPlain ? PLAIN_READ : ATOMIC_READ) + (isWrite ? 1 : 0)
    undo.set(cell + kind * n + cpu, d + 1)
  }

  private acquire(p: number, from: number): void {
    const { rows, cpuCount: n } = this
    for (let i = 0; i < n; i++) if (rows[from * n + i]! > rows[p * n + i]!) rows[p * n + i] = rows[from * n + i]!
  }

  private check(d: number, cells: number, address: number): void {
    const { cpuCount: n, rows, executor } = this
    for (let cpu = 0; cpu < n; cpu++) {
      const at = executor.undo.cells[cells + cpu]!
      if (at <= rows[(d + 1) * n + cpu]!) continue
      const { trace, program } = executor
      const say = (row: number): string => `${program.contexts[trace.label[row]!]?.name ?? '-'} ${opName(trace.op[row]!)} (step ${row})`
      executor.breakOff('data-race', `${program.wordName(address)}: ${say(at - 1)} and ${say(d)}, and nothing orders them`)
      return
    }
  }
}
