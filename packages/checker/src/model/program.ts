// SPDX-License-Identifier: MIT
/**
 * A model as a program: the machine formatted and set up once, every execution from that state.
 */
import { hashString } from '@bottomhalf/base'
import type { AtRest } from '../judge.js'
import { Footprints } from '../footprints.js'
import type { Block, ContextHost, ContextInfo, Prepared, Program } from '../program.js'
import { DEVICE, type ModelDefinition } from './model.js'
import type { MachinePort } from './port.js'
import { lookAlone, runAlone } from './alone.js'
import { SteppedContexts, type ContextCode } from './steppedContexts.js'
import { machineMap, wordNameBy } from './memoryMap.js'

/** Words of each context's heap arena. */
const ARENA_WORDS = 512

interface Entry { readonly info: ContextInfo, readonly code: ContextCode }

/** A program, and how to look at its ends. */
export interface ModelProgram {
  readonly program: Program
  readonly judge: { readonly atRest?: AtRest }
}

/** Format the machine, run the model's setup and make a program of it. Throws what setup throws. */
export function modelProgram<S>(model: ModelDefinition<S>, port: MachinePort): ModelProgram {
  const { machine, engine } = port
  machine.formatMemory({ cpus: model.cpus, debug: model.debug ?? false, trace: false })
  const shared = (model.setup === undefined ? undefined : runAlone(port, model.setup)) as S
  const entries = contextsOf(model, shared, port)
  const start = setUpState(port, entries.length)
  const sources = [model.setup, ...model.threads.map((t) => t.run), ...(model.interrupts ?? []).map((i) => i.run)]
  const map = machineMap(port, model.cpus)
  let contexts: SteppedContexts | undefined
  const program: Program = {
    name: model.name,
    cpuCount: 1 + Math.max(model.cpus - 1, ...entries.map(({ info }) => info.cpu)),
    contexts: entries.map(({ info }) => info),
    nest: model.nest ?? 1,
    hasPlainAccess: true,
    footprints: new Footprints(start.heapEnd),
    codeHash: hashString(sources.map(String).join('\n'), machine.layoutHash()),
    map,
    wordName: wordNameBy(map),
    prepare: (host: ContextHost): Prepared => {
      start.restore()
      contexts = new SteppedContexts(host, port, entries.map(({ code }) => code))
      return {
        memory: engine.memoryWords.subarray(0, start.heapEnd),
        contexts,
        firstWord: machine.Header.magic,
        heap: { base: start.heapBase, end: start.heapEnd, live: start.live },
        irqOn: model.irqs === 'off' ? 0 : -1,
        relaxWaits: true,
      }
    },
  }
  const { atRest } = model
  if (atRest === undefined) return { program, judge: {} }
  const look: AtRest = (end) => {
    try {
      return lookAlone(port, () => atRest(shared, end), (address) => { end.executor.lookAt(address) })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      contexts?.drive()
    }
  }
  return { program, judge: { atRest: look } }
}

function contextsOf<S>(model: ModelDefinition<S>, shared: S, port: MachinePort): Entry[] {
  return [...threadsOf(model, shared, port), ...interruptsOf(model, shared, port), ...vectorsOf(model, port)]
}

function threadsOf<S>({ cpus, threads }: ModelDefinition<S>, shared: S, { machine }: MachinePort): Entry[] {
  let devices = 0
  return threads.map(({ cpu: wanted, name, run }, place) => {
    const cpu = wanted ?? place
    const isDevice = cpu === DEVICE
    const lane = isDevice ? cpus + devices++ : cpu
    return {
      info: { name: name ?? (isDevice ? `device${devices}` : `cpu${cpu}`), cpu: lane, kind: 'base' },
      code: { cpu: lane, machineCpu: isDevice ? machine.NO_CPU : cpu, id: place, begin: () => run(shared) },
    }
  })
}

function interruptsOf<S>({ interrupts = [], threads }: ModelDefinition<S>, shared: S, port: MachinePort): Entry[] {
  let label = threads.length - 1
  return interrupts.flatMap(({ cpu, name, run, vector = 0, times = 1 }, i) => {
    const title = name ?? `irq${i}@${cpu}`
    return Array.from({ length: times }, (_, n): Entry => {
      const before = label++
      // equal ones come in one order: any other would show nothing else
      const info = { name: times === 1 ? title : `${title}#${n + 1}`, cpu, kind: 'irq' as const }
      const begin = (): unknown => run === undefined ? interruptEntry(port, vector) : run(shared)
      const code = { cpu, machineCpu: cpu, id: threads.length + i, begin }
      return { info: n === 0 ? info : { ...info, after: before }, code }
    })
  })
}

/** Vectors that CPUs request of one another, if the machine has somebody to take them. */
function vectorsOf<S>({ cpus, nest = 1 }: ModelDefinition<S>, port: MachinePort): Entry[] {
  if (port.engine.memoryWords[port.machine.Header.interruptEntry] === 0) return []
  return Array.from({ length: cpus * nest }, (_, i): Entry => {
    const cpu = i % cpus
    return {
      info: { name: `vector@${cpu}${i < cpus ? '' : `+${Math.floor(i / cpus)}`}`, cpu, kind: 'vector' },
      code: { cpu, machineCpu: cpu, id: -1 - cpu, begin: (vector) => interruptEntry(port, vector) },
    }
  })
}

function interruptEntry({ machine, engine }: MachinePort, vector: number): unknown {
  return engine.startHandler(engine.memoryWords[machine.Header.interruptEntry] ?? 0, vector)
}

/** The state behind setup, to begin every execution from. */
function setUpState({ machine, engine }: MachinePort, contexts: number) {
  const memory = engine.memoryWords
  const heapBase = memory[machine.Header.heapBase] ?? 0
  const heapUsed = memory[engine.HeapHeader.bump] ?? 0
  const heapEnd = ((heapUsed + machine.LINE_WORDS) & -machine.LINE_WORDS) + contexts * ARENA_WORDS
  if (heapEnd > memory.length) throw new RangeError('the memory is too small for the heaps of the contexts')
  const live: Block[] = machine.liveBlocks().map(({ address, words }) => ({ address, words }))
  // what contexts allocate lies behind the last block, where freed blocks and their marks may have been
  const used = live.reduce((last, { address, words }) => Math.max(last, address + words), heapBase)
  memory.fill(0, (used + machine.LINE_WORDS - 1) & -machine.LINE_WORDS, heapEnd)
  const copy = memory.slice(0, heapEnd)
  return { heapBase, heapEnd, live, restore: () => { memory.set(copy) } }
}
