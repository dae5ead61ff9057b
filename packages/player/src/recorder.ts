// SPDX-License-Identifier: MIT
/** Watches a replay and keeps what the player shows of each step. */
import { describeStep, Op, opName, returnsAt } from '@bottomhalf/checker'
import type { CodePlace, Executor, Program } from '@bottomhalf/checker'
import type { PlayerAccess, PlayerField, PlayerObject, PlayerStep } from './data.js'
import type { Sources } from './sources.js'

interface Block {
  readonly address: number
  readonly words: number
  readonly tag: number
  readonly from?: number
  to?: number
}

interface Growing { name: string, address: number, words: number, block: Block | undefined, fields: PlayerField[] }

export class Recorder {
  readonly steps: PlayerStep[] = []
  private readonly program: Program
  private readonly sources: Sources
  private readonly blocks: Block[] = []
  private readonly touched = new Set<number>()
  private memory = new Int32Array(0)

  constructor(program: Program, sources: Sources) {
    this.program = program
    this.sources = sources
  }

  /** A step was taken; -1: the start. */
  see(executor: Executor, d: number, places: readonly CodePlace[]): void {
    if (d < 0) {
      this.memory = executor.memory.slice()
      return
    }
    const { trace, cpuCount } = executor
    const cpu = trace.cpu[d]!
    const op = trace.op[d]!
    if (op === Op.Xmalloc && trace.value[d] !== 0) {
      this.blocks.push({ address: trace.value[d]!, words: trace.a[d]!, tag: trace.b[d]!, from: d })
    }
    if (op === Op.Xfree) this.freed(trace.a[d]!, d)
    const shown = places.map((place) => this.sources.place(place))
    this.steps.push({
      context: trace.label[d]!, cpu, op: op === Op.Enter ? 'enter' : opName(op), text: describeStep(executor, d),
      touched: this.accesses(executor, d),
      irqOn: [isOn(trace.irqOn[d]!, cpu), isOn(trace.irqOn[d + 1]!, cpu)],
      returns: returnsAt(executor, d),
      waiting: Array.from({ length: cpuCount }, (_, i) => i).filter((i) => executor.isBlocked(i)),
      places: shown, rules: this.sources.rules(shown),
    })
  }

  /** Every object of which a word was touched, with those words. */
  objects(): PlayerObject[] {
    const objects = new Map<string, Growing>()
    for (const address of [...this.touched].sort((a, b) => a - b)) {
      const block = this.blockOf(address)
      const place = block === undefined ? this.fixed(address) : this.inBlock(block, address)
      const { object: name, first, words, field, kind } = place
      const found = objects.get(`${name}@${first}`) ?? { name, address: first, words, block, fields: [] }
      objects.set(`${name}@${first}`, found)
      const initial = block?.from === undefined ? this.memory[address] ?? 0 : 0
      found.fields.push({ name: field, address, initial, kind: this.isLink(kind, address) ? 'link' : kind })
    }
    return [...objects.values()].map(({ name, address, words, block, fields }) => ({
      name, address, words, fields, isBlock: block !== undefined,
      ...block?.from === undefined ? {} : { from: block.from },
      ...block?.to === undefined ? {} : { to: block.to },
    }))
  }

  private accesses(executor: Executor, d: number): PlayerAccess[] {
    const { trace, memory, program } = executor
    const op = trace.op[d]!
    const address = trace.address[d]!
    if (trace.length[d] === 0 || op === Op.Xfree || address >= memory.length) return []
    this.touched.add(address)
    const writes = trace.writes[d] !== 0
    const isTime = op === Op.LdTime || op === Op.StTime
    const after = isTime ? (op === Op.LdTime ? trace.value[d]! : trace.time[d]!) : memory[address] ?? 0
    const before = isTime ? timeOf(trace.old[d]!, trace.old2[d]!) : trace.old[d]!
    return [{ address, name: program.wordName(address), before, after, writes }]
  }

  private freed(address: number, d: number): void {
    const block = this.blocks.find((candidate) => candidate.address === address && candidate.to === undefined)
    if (block !== undefined) block.to = d
  }

  private blockOf(address: number): Block | undefined {
    return this.blocks.find((block) => address >= block.address && address < block.address + block.words)
  }

  private fixed(address: number) {
    const place = this.program.map?.locate(address)
    if (place !== undefined) return { ...place, first: place.address }
    return { object: 'words', first: 0, words: 0, field: this.program.wordName(address), kind: 'word' as const }
  }

  private inBlock({ address: first, words, tag }: Block, address: number) {
    const place = this.program.map?.inBlock(tag, address - first)
    const { object = 'block', field = `[${address - first}]`, kind = 'word' } = place ?? {}
    return { object: `${object} @${first}`, first, words, field, kind }
  }

  /** Also a plain word is a link if it only ever held the addresses of blocks. */
  private isLink(kind: PlayerField['kind'], address: number): boolean {
    if (kind !== 'word') return kind === 'link'
    const accesses = this.steps.flatMap((step) => step.touched).filter((access) => access.address === address)
    const held = accesses.flatMap(({ before, after }) => [before, after]).filter((value) => value !== 0)
    return held.length > 0 && held.every((value) => this.blocks.some((block) => block.address === value))
  }
}

function timeOf(first: number, second: number): number {
  return new Float64Array(Int32Array.of(first, second).buffer)[0] ?? 0
}

function isOn(mask: number, cpu: number): boolean {
  return ((mask >>> cpu) & 1) !== 0
}
