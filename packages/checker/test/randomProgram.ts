// SPDX-License-Identifier: MIT
/** Small random programs with interrupts, locks, awaits and branches, by seed: food for the fuzzer. */
import { nextRandom, seedOf } from '../src/order.js'

export interface Shape {
  readonly cpus: number
  readonly handlers: number
  /** Statements of a context, at most. */
  readonly length: number
  /** With vectors that are raised, and halts. */
  readonly vectors?: boolean
}

/** The text of a program named after its seed. */
export function randomProgram(seed: number, shape: Shape): string {
  const random = new Random(seed)
  const cpus = 1 + random.below(shape.cpus)
  const handlers = random.below(shape.handlers + 1)
  const lines = [`prog random${seed}`]
  const nest = 1 + (random.chance(4) ? 1 : 0)
  if (nest > 1) lines.push(`nest ${nest}`)
  for (let cpu = 0; cpu < cpus; cpu++) {
    lines.push(`base ${cpu}`, ...body(random, random.below(shape.length + 1), true, shape.vectors === true ? cpus : 0))
  }
  if (shape.vectors === true) for (let cpu = 0; cpu < cpus; cpu++) lines.push(`vec v${cpu} ${cpu}`, ...body(random, 1, false))
  for (let h = 0; h < handlers; h++) {
    lines.push(`irq h${h} ${random.below(cpus)}`, ...body(random, 1 + random.below(shape.length), nest > 1))
  }
  lines.push('end')
  return lines.join('\n')
}

const words = ['x', 'y', 'z'] as const

function body(random: Random, length: number, masks: boolean, raises = 0): string[] {
  const lines: string[] = []
  let label = 0
  for (let i = 0; i < length; i++) {
    const word = words[random.below(random.chance(2) ? 1 : words.length)] ?? 'x'
    if (raises > 0 && random.chance(3)) {
      lines.push(random.chance(5) ? '  cli\n  halt' : `  raise ${random.below(raises)} ${32 + random.below(2)}`)
      continue
    }
    switch (random.below(masks ? 13 : 11)) {
      case 0: case 1: case 2: lines.push(`  rd a ${word}`); break
      case 3: case 4: lines.push(`  wr ${word} ${1 + random.below(2)}`); break
      case 5: lines.push(`  wr ${word} a+1`); break
      case 6: lines.push(`  add b ${word} 1`); break
      case 7: lines.push(`  cas c ${word} 0 ${1 + random.below(3)}`); break
      case 8: lines.push('  lock L', `  wr ${word} 3`, ...(random.chance(8) ? [] : ['  unlock L'])); break
      case 9: lines.push(random.chance(2) ? `  wait ${word}` : `  wait ${word} == ${random.below(3)}`); break
      case 10: lines.push(`  if a == 0 E${label}`, `  wr ${word} 2`, `  label E${label++}`); break
      case 11: lines.push('  cli', `  rd a ${word}`, '  sti'); break
      default: lines.push(random.chance(2) ? '  cli' : '  sti'); break
    }
  }
  return lines
}

class Random {
  private state: number

  constructor(seed: number) {
    this.state = seedOf(seed)
  }

  below(n: number): number {
    this.state = nextRandom(this.state)
    return (this.state >>> 8) % n
  }

  chance(n: number): boolean {
    return this.below(n) === 0
  }
}
