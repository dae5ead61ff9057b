// SPDX-License-Identifier: MIT
/**
 * The atomic operations as a WebAssembly module of seven functions over the shared memory, assembled here.
 *
 * Why: a call of `Atomics.or` leaves compiled code for a builtin; a call of a WebAssembly export is compiled in line.
 * Measured on Node 20.20, one run: bit set + clear 17 ns through Atomics, 9 ns through these.
 *
 * Source: WebAssembly core specification, binary format; threads proposal (0xfe prefix), alignment 2 = 4 bytes.
 */

/** The seven functions; addresses are word indices. */
export interface WasmAtomics {
  readonly load: (address: number) => number
  readonly store: (address: number, value: number) => void
  readonly xchg: (address: number, value: number) => number
  readonly cmpxchg: (address: number, expected: number, value: number) => number
  readonly fetchAdd: (address: number, addend: number) => number
  readonly fetchOr: (address: number, mask: number) => number
  readonly fetchAnd: (address: number, mask: number) => number
  readonly testAndSetBit: (nr: number, address: number) => number
  readonly testAndClearBit: (nr: number, address: number) => number
}

/** A shared WebAssembly memory: what `WebAssembly.Memory` with `shared: true` makes, and workers hand on. */
export interface SharedWasmMemory { readonly buffer: SharedArrayBuffer }

interface WasmNamespace {
  Memory: new (options: { initial: number, maximum: number, shared: true }) => SharedWasmMemory
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: unknown }
}

declare const WebAssembly: WasmNamespace

const PAGE_WORDS = 65536 / 4

/** Make a shared memory of at least `words` words that can never grow. */
export function createSharedMemory(words: number): SharedWasmMemory {
  const pages = Math.ceil(words / PAGE_WORDS)
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

/** Bind the atomic functions to a memory. */
export function wasmAtomics(memory: SharedWasmMemory): WasmAtomics {
  const pages = memory.buffer.byteLength / 65536
  const module = new WebAssembly.Module(assemble(pages))
  return new WebAssembly.Instance(module, { m: { m: memory } }).exports as WasmAtomics
}

const I32 = 0x7f
const [get, constant, shl, shr, and, xor] = [0x20, 0x41, 0x74, 0x76, 0x71, 0x73]
const atomic = (code: number): number[] => [0xfe, code, 2, 0]
const address = (local: number): number[] => [get, local, constant, 2, shl]
const bit = [constant, 1, get, 0, shl]
const oldBit = [get, 0, shr, constant, 1, and]

// name, number of parameters, number of results, code
const functions: readonly [keyof WasmAtomics, number, number, number[]][] = [
  ['load', 1, 1, [...address(0), ...atomic(0x10)]],
  ['store', 2, 0, [...address(0), get, 1, ...atomic(0x17)]],
  ['xchg', 2, 1, [...address(0), get, 1, ...atomic(0x41)]],
  ['cmpxchg', 3, 1, [...address(0), get, 1, get, 2, ...atomic(0x48)]],
  ['fetchAdd', 2, 1, [...address(0), get, 1, ...atomic(0x1e)]],
  ['fetchOr', 2, 1, [...address(0), get, 1, ...atomic(0x33)]],
  ['fetchAnd', 2, 1, [...address(0), get, 1, ...atomic(0x2c)]],
  ['testAndSetBit', 2, 1, [...address(1), ...bit, ...atomic(0x33), ...oldBit]],
  ['testAndClearBit', 2, 1, [...address(1), ...bit, constant, 0x7f, xor, ...atomic(0x2c), ...oldBit]],
]

function assemble(pages: number): Uint8Array {
  const limits = [...leb(pages), ...leb(pages)]
  const bodies = functions.flatMap(([, , , code]) => sized([0, ...code, 0x0b]))
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [functions.length, ...functions.flatMap(([, params, results]) => signature(params, results))]),
    ...section(2, [1, ...text('m'), ...text('m'), 2, 3, ...limits]),
    ...section(3, [functions.length, ...functions.map((_, i) => i)]),
    ...section(7, [functions.length, ...functions.flatMap(([name], i) => [...text(name), 0, i])]),
    ...section(10, [functions.length, ...bodies]),
  ])
}

function signature(params: number, results: number): number[] {
  return [0x60, params, ...Array<number>(params).fill(I32), results, ...Array<number>(results).fill(I32)]
}

function section(id: number, bytes: number[]): number[] {
  return [id, ...sized(bytes)]
}

function sized(bytes: number[]): number[] {
  return [...leb(bytes.length), ...bytes]
}

function text(name: string): number[] {
  return [name.length, ...Array.from(name, (c) => c.charCodeAt(0))]
}

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}
