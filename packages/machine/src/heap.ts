// SPDX-License-Identifier: MIT
/**
 * The heap: blocks by size class in the one shared memory. Plain functions on the words; the sides of the machine
 * make each call one step (native: under the heap's own lock with no interrupt inside).
 *
 *     | pad ... | state | size | payload (aligned to 128 bytes when it is that large) ... | red zone |
 *
 * A block's state word says free or allocated with the tag of its struct. Classes are powers of two of the payload.
 * Free blocks of a class are a list: last in first out, or, with debug checks, first in first out (a quarantine), with
 * the payload poisoned and the red zone checked.
 *
 * B1  A block is free or allocated, never both; giving back a free one, or an address that is no block, is a BUG.
 * B2  With debug checks a write behind the payload is found when the block is given back.
 * B3  With debug checks a write to a free block is found when the block is handed out again.
 */
import { bug, roundUp } from '@bottomhalf/base'
import { Header, HeapHeader, LINE_WORDS } from './layout.js'

const MIN_CLASS_LOG = 2
const MAX_CLASS_LOG = 24
const PREFIX_WORDS = 2
const FREE = 0x66726565
const ALLOCATED = 0x616c6c6f
const RED_ZONE = 0x72656421
const POISON = 0x6b6b6b6b

/** An allocated block, as the leak report lists it. */
export interface LiveBlock { readonly address: number, readonly words: number, readonly tag: number }

/** Allocate; 0 when memory is out or a fault was asked for. Contents are undefined. */
export function heapAlloc(i32: Int32Array, wanted: number, tag: number): number {
  if (wanted <= 0 || wanted > 1 << MAX_CLASS_LOG || faultIsDue(i32)) return 0
  const log = classLog(wanted)
  const used = popFree(i32, log)
  if (used !== 0 && i32[Header.debug] !== 0) checkPoison(i32, used, log)
  const address = used || carve(i32, log)
  if (address === 0) return 0
  i32[address - 2] = ALLOCATED
  i32[address - 1] = tag
  i32[address + (1 << log)] = RED_ZONE
  count(i32, 1, 1 << log)
  return address
}

/** Give a block back. A BUG if it is none, is free already, or was written behind its end. */
export function heapFree(i32: Int32Array, address: number): void {
  if (!isPayload(i32, address)) bug('xfree of an address that is no block', 'B1')
  if (i32[address - 2] !== ALLOCATED) bug('xfree of a free block', 'B1')
  const log = blockLog(i32, address)
  if (i32[address + (1 << log)] !== RED_ZONE) bug('a block was written behind its end', 'B2')
  i32[address - 2] = FREE
  if (i32[Header.debug] !== 0) i32.fill(POISON, address, address + (1 << log))
  pushFree(i32, log, address)
  count(i32, -1, -(1 << log))
}

/** Every allocated block, in address order: what has leaked, at rest. */
export function heapLive(i32: Int32Array): LiveBlock[] {
  const live: LiveBlock[] = []
  for (let at = i32[Header.heapBase] ?? 0; at < (i32[HeapHeader.bump] ?? 0);) {
    const log = i32[at] ?? 0
    const address = payloadOf(at, log)
    if (i32[address - 2] === ALLOCATED) live.push({ address, words: 1 << log, tag: i32[address - 1] ?? 0 })
    at = address + (1 << log) + 1
  }
  return live
}

/** What is wrong with the blocks of a heap at rest: those written behind their end (B2). */
export function heapOverruns(i32: Int32Array): LiveBlock[] {
  return heapLive(i32).filter(({ address, words }) => i32[address + words] !== RED_ZONE)
}

/** Whether `address` lies in the payload of an allocated block (a use after free otherwise). Slow: for checks. */
export function heapOwner(i32: Int32Array, address: number): LiveBlock | undefined {
  return heapLive(i32).find((block) => address >= block.address && address < block.address + block.words)
}

function classLog(wanted: number): number {
  return Math.max(MIN_CLASS_LOG, 32 - Math.clz32(wanted - 1))
}

// A carved region starts with its class, so that the heap can be walked; the word before the payload's two prefix words
// repeats it, so that a payload finds its class.
function payloadOf(at: number, log: number): number {
  const align = 1 << log >= LINE_WORDS ? LINE_WORDS : 2
  return roundUp(at + 1 + 1 + PREFIX_WORDS, align)
}

function blockLog(i32: Int32Array, address: number): number {
  return i32[address - 3] ?? 0
}

function carve(i32: Int32Array, log: number): number {
  const at = i32[HeapHeader.bump] ?? 0
  const address = payloadOf(at, log)
  const end = address + (1 << log) + 1
  if (end > (i32[Header.sizeWords] ?? 0)) return 0
  i32[at] = log
  i32[address - 3] = log
  i32[HeapHeader.bump] = end
  return address
}

function checkPoison(i32: Int32Array, address: number, log: number): void {
  for (let at = address; at < address + (1 << log); at++) {
    if (i32[at] !== POISON) bug('a free block was written', 'B3')
  }
}

function isPayload(i32: Int32Array, address: number): boolean {
  if (address <= (i32[Header.heapBase] ?? 0) || address >= (i32[HeapHeader.bump] ?? 0)) return false
  const state = i32[address - 2]
  return state === ALLOCATED || state === FREE
}

function popFree(i32: Int32Array, log: number): number {
  const address = i32[HeapHeader.heads + log] ?? 0
  if (address === 0) return 0
  const next = i32[address - 1] ?? 0
  i32[HeapHeader.heads + log] = next
  if (next === 0) i32[HeapHeader.tails + log] = 0
  return address
}

// The link of a free block stands in its tag word, so that poison stays whole.
function pushFree(i32: Int32Array, log: number, address: number): void {
  const head = i32[HeapHeader.heads + log] ?? 0
  if (i32[Header.debug] !== 0 && head !== 0) {
    i32[address - 1] = 0
    i32[(i32[HeapHeader.tails + log] ?? 0) - 1] = address
  } else {
    i32[address - 1] = head
    i32[HeapHeader.heads + log] = address
    if (head !== 0) return
  }
  i32[HeapHeader.tails + log] = address
}

// failAfter: 0 never fails; n > 0 makes the n-th allocation from now fail, once.
function faultIsDue(i32: Int32Array): boolean {
  const left = i32[HeapHeader.failAfter] ?? 0
  if (left === 0) return false
  i32[HeapHeader.failAfter] = left - 1
  return left === 1
}

function count(i32: Int32Array, blocks: number, words: number): void {
  i32[HeapHeader.liveBlocks] = (i32[HeapHeader.liveBlocks] ?? 0) + blocks
  i32[HeapHeader.liveWords] = (i32[HeapHeader.liveWords] ?? 0) + words
}
