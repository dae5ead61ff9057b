// SPDX-License-Identifier: MIT
/**
 * What a machine that failed leaves behind: one JSON file, and on request the used words of its memory beside it.
 *
 * E1  A file with the final name is whole: it is written under another name and renamed.
 */
import { Header, cpuEvidence, heapEvidence, memoryHash } from '@bottomhalf/machine'
import type { CpuEvidence } from '@bottomhalf/machine'
import { access, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Names, Thrown } from './control.js'

/** Version of the form below. */
export const EVIDENCE_VERSION = 1

export interface Evidence {
  readonly version: typeof EVIDENCE_VERSION
  readonly reason: string
  readonly cpu: number | undefined
  readonly agent: string | undefined
  readonly message: string
  readonly label: string
  readonly stack: string
  readonly time: string
  readonly node: string
  /** By CPU: how far its thread came. */
  readonly states: readonly string[]
  readonly layout: LayoutFacts
  readonly memoryHash: string
  readonly cpus: readonly CpuEvidence[]
  /** Allocated blocks by struct. */
  readonly heap: Readonly<Record<string, { readonly blocks: number, readonly words: number }>>
  /** Handlers by id - 1. */
  readonly handlers: readonly string[]
  /** File of the used words, little endian, beside this one. */
  readonly words: string | undefined
}

/** Places in the memory, as word addresses and sizes. */
interface LayoutFacts {
  readonly hash: string
  readonly sizeWords: number
  readonly cpus: number
  readonly perCpuBase: number
  readonly perCpuStride: number
  readonly globalBase: number
  readonly globalWords: number
  readonly heapBase: number
  readonly debug: boolean
}

export interface EvidenceOptions {
  /** Made if it does not exist. */
  readonly folder: string
  /** Write the used words of the memory too. Default: off. */
  readonly rawMemory?: boolean
}

/** What is known of a failed machine besides its memory. */
export interface FailureFacts {
  readonly reason: string
  readonly cpu: number | undefined
  readonly agent: string | undefined
  readonly thrown: Thrown
  readonly states: readonly string[]
  readonly names: Names | undefined
}

/** Write the evidence of a machine at rest; returns the path of the JSON file. */
export async function writeEvidence(
  words: Int32Array, failure: FailureFacts, options: EvidenceOptions,
): Promise<string> {
  await makeFolder(options.folder)
  const name = `evidence-${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}-${++written.count}`
  const raw = options.rawMemory === true ? `${name}.words` : undefined
  if (raw !== undefined) await writeWhole(join(options.folder, raw), usedBytes(words))
  const path = join(options.folder, `${name}.json`)
  await writeWhole(path, `${JSON.stringify(evidenceOf(words, failure, raw), undefined, 2)}\n`)
  return path
}

/** As mkdir -p. Node's own recursive form never ends where a file system answers ENOENT below a folder that exists (/proc). */
async function makeFolder(folder: string): Promise<void> {
  if (await exists(folder)) return
  if (!await exists(dirname(folder))) await makeFolder(dirname(folder))
  try {
    await mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error   // somebody else was faster
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}

const written = { count: 0 }

function evidenceOf(words: Int32Array, failure: FailureFacts, raw: string | undefined): Evidence {
  const { reason, cpu, agent, states, names, thrown: { message, label, stack } } = failure
  return {
    version: EVIDENCE_VERSION, reason, cpu, agent, message, label, stack,
    time: new Date().toISOString(), node: process.version, states, layout: layoutOf(words),
    memoryHash: hex(memoryHash(words)), cpus: cpuEvidence(words), heap: namedHeap(words, names),
    handlers: names?.handlers ?? [], words: raw,
  }
}

function layoutOf(words: Int32Array): LayoutFacts {
  const at = (address: number): number => words[address] ?? 0
  return {
    hash: hex(at(Header.layoutHash)), sizeWords: at(Header.sizeWords), cpus: at(Header.cpuCount),
    perCpuBase: at(Header.perCpuBase), perCpuStride: at(Header.perCpuStride), globalBase: at(Header.globalBase),
    globalWords: at(Header.globalWords), heapBase: at(Header.heapBase), debug: at(Header.debug) !== 0,
  }
}

/** The starter may not know the machine's structs: what it calls `tag 123` gets the name that CPU 0 told. */
function namedHeap(words: Int32Array, names: Names | undefined): Evidence['heap'] {
  const named = Object.entries(heapEvidence(words)).map(([name, entry]) => {
    const tag = /^tag (-?\d+)$/.exec(name)?.[1]
    return [tag === undefined ? name : names?.structs[Number(tag)] ?? name, entry]
  })
  return Object.fromEntries(named) as Evidence['heap']
}

function usedBytes(words: Int32Array): Uint8Array {
  let end = words.length
  while (end > 0 && words[end - 1] === 0) end--
  // a copy: files are not written from shared memory
  return Uint8Array.from(new Uint8Array(words.buffer, words.byteOffset, end * 4))
}

async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, content)
  await rename(`${path}.part`, path)   // E1
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
