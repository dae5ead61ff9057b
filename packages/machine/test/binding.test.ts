// SPDX-License-Identifier: MIT
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  LayoutMismatchError, attachMemory, boundMemory, formatMemory, global, handler, handlerIdOf, handlerNames, layoutHash,
  word,
} from '../src/index.js'
import { createSharedMemory, provideMemory } from '../src/provide.js'

// no types are made for it: they are those of the native build
const STEPPED_BUILD: string = '../dist-stepped/index.js'

// what `fixtures/attach.mjs` declares, too
const Shared = global('shared', { a: word })
handler('zulu', () => 0)
handler('alpha', () => 1)

interface Declared { readonly field?: string, readonly handlers?: readonly string[], readonly struct?: string }
interface Answer { readonly answer: unknown, readonly again: unknown, readonly same: boolean }

async function attachInThread(declare: Declared, memory = boundMemory()): Promise<Answer> {
  const worker = new Worker(new URL('./fixtures/attach.mjs', import.meta.url), { workerData: { memory, declare } })
  const [answer] = await once(worker, 'message') as [Answer]
  await worker.terminate()
  return answer
}

describe('attaching', () => {
  beforeAll(() => { formatMemory({ cpus: 2 }) })

  test('a thread with the same declarations attaches, whatever their order, and knows the same handlers', async () => {
    const { answer, same } = await attachInThread({ handlers: ['alpha', 'zulu'] })
    expect(same).toBe(true)
    expect(answer).toEqual({ hash: layoutHash(), ids: [handlerIdOf('alpha'), handlerIdOf('zulu')] })
    expect(await attachInThread({ handlers: ['zulu', 'alpha'] }))
      .toMatchObject({ answer: { ids: [handlerIdOf('zulu'), handlerIdOf('alpha')] } })
  })

  test.each([
    ['another field', { field: 'b', handlers: ['alpha', 'zulu'] }],
    ['another handler', { handlers: ['alpha', 'beta', 'zulu'] }],
    ['a handler less', { handlers: ['alpha'] }],
    ['another struct', { handlers: ['alpha', 'zulu'], struct: 'Stranger' }],
  ])('a thread with %s is refused, with both hashes', async (_, declare) => {
    const { answer } = await attachInThread(declare)
    const mine = layoutHash().toString(16).padStart(8, '0')
    expect(answer).toMatch(new RegExp(`^LayoutMismatchError: layout hash [0-9a-f]{8} here, ${mine} in the memory`))
    expect(answer).not.toContain(`${mine} here`)
  })

  test('a memory that nobody laid out is refused', async () => {
    const { answer } = await attachInThread({}, createSharedMemory(1000))
    expect(answer).toBe('LayoutMismatchError: the memory was never formatted')
  })

  test('this thread attaches to what it laid out itself', () => {
    const before = Shared.base
    attachMemory()
    expect(Shared.base).toBe(before)
    expect(new LayoutMismatchError('x')).toBeInstanceOf(Error)
  })
})

describe('one thread, one memory', () => {
  test('a memory cannot be handed in when the machine is loaded', async () => {
    expect(() => { provideMemory(createSharedMemory(10)) }).toThrow('loaded already')
    const { again } = await attachInThread({ handlers: ['alpha', 'zulu'] })
    expect(again).toMatch('loaded already')
  })

  test('a second copy of the machine in this thread is refused', async () => {
    await expect(import('../dist/index.js')).rejects.toThrow('loaded twice in one thread (native, then native)')
    await expect(import(STEPPED_BUILD)).rejects.toThrow('(native, then stepped)')
  })

  test('a memory has a fixed length, of at least the words asked for', () => {
    const memory = createSharedMemory(20_000)
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(memory.buffer.byteLength).toBe(2 * 65536)
  })
})

describe('handlers', () => {
  test('ids are small, from 1, in order of name', () => {
    expect(handlerNames()).toEqual(['alpha', 'zulu'])
    expect(['alpha', 'zulu', 'none'].map(handlerIdOf)).toEqual([1, 2, 0])
  })

  test('a handler registered twice, or after the memory was bound, is a BUG', () => {
    expect(() => handler('late', () => 0)).toThrow('registered after')
  })
})
