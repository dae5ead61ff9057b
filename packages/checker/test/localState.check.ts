// SPDX-License-Identifier: MIT
/**
 * Random programs of stepped code: a search that knows states again, by what functions told of their locals, ends with the
 * memories that partial-order reduction ends with, in the same waits, and sees the same data races. Longer:
 * BOTTOMHALF_FUZZ=seeds.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Footprints } from '../src/footprints.js'
import { explore } from '../src/model/explore.js'
import { LocalState } from '../src/model/localState.js'
import { defineModel } from '../src/model/model.js'
import { nextRandom, seedOf } from '../src/order.js'
import { Session } from '../src/session.js'
import type { StrategyName } from '../src/strategies/create.js'
import { orders } from './helpers.js'
import { allow, peek, put, say, Shared, type Phrase } from './phrases.model.js'

const seeds = Number(process.env.BOTTOMHALF_FUZZ ?? 60)
/** Shapes without plain accesses, then those with. */
const ATOMIC = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
const PLAIN = [13, 14, 15, 16]

/** A random program, and the ends that are looked at while it is explored. */
function programOf(seed: number, shapes: readonly number[]) {
  let random = seedOf(seed)
  const below = (n: number): number => {
    random = nextRandom(random)
    return (random >>> 8) % n
  }
  const phrases = (length: number): Phrase[] =>
    Array.from({ length }, () => ({ shape: shapes[below(shapes.length)] ?? 0, a: below(3), b: below(3) }))
  const [first, second, handler] = [phrases(1 + below(2)), phrases(1 + below(2)), phrases(1)]
  const ends = new Set<string>()
  const model = defineModel({
    name: 'phrases', cpus: 2,
    threads: [{ run: () => say(first, 0) }, { run: () => say(second, 1) }],
    interrupts: [{ cpu: below(2), times: 1 + below(2), run: () => say(handler, 2) }],
    atRest: (_shared, { isComplete, word }) => {
      const fields = [Shared.lock, Shared.shared, Shared.out].map((field) => Shared.base + field)
      ends.add([isComplete, ...fields.flatMap((start) => [0, 1, 2].map((n) => word(start + n)))].join(' '))
      return undefined
    },
  })
  return { model, ends }
}

const LARGEST = 20_000

/** All ends of a program, and what is waited for at blocked ones; undefined if there are too many to know. */
async function endsOf(seed: number, strategy: StrategyName): Promise<string | undefined> {
  const { model, ends } = programOf(seed, ATOMIC)
  const { verdict, waitSignatures } = await explore(model, {
    strategy, collect: true, allowBlocked: true, dataRaces: false, maxExecutions: LARGEST,
  })
  return verdict === 'clean' ? [...ends, ...waitSignatures].sort().join('\n') : undefined
}

/** Whether a program has a data race. */
async function racesIn(seed: number, strategy: StrategyName): Promise<string | undefined> {
  const { model } = programOf(seed, PLAIN)
  const { verdict } = await explore(model, { strategy, onlyKind: 'data-race', maxExecutions: LARGEST, minimiseSeconds: 0 })
  return verdict === 'unfinished' ? undefined : verdict
}

/** Programs of which `stateful` says something else than partial-order reduction does; `first`: stop at one. */
async function differing(ask: typeof endsOf, first = false): Promise<number[]> {
  const found: number[] = []
  for (let seed = 0; seed < seeds && !(first && found.length > 0); seed++) {
    const expected = await ask(seed, 'dpor')
    if (expected !== undefined && await ask(seed, 'stateful') !== expected) found.push(seed)
  }
  return found
}

/** Let local states do something else in place of one of their methods. */
function twinOf<K extends 'at' | 'frame'>(name: K, make: (real: LocalState[K]) => LocalState[K]): void {
  vi.spyOn(LocalState.prototype, name).mockImplementation(make(LocalState.prototype[name]) as never)
}

describe(`${seeds} random programs`, { timeout: 600_000 }, () => {
  afterEach(() => { vi.restoreAllMocks() })

  it('LS1: have the same ends in every order and in every state', async () => {
    expect(await differing(endsOf)).toEqual([])
  })

  it('LS1 twin: a local that is not told loses ends', async () => {
    twinOf('at', (at) => function (this: LocalState, frame, place, values) {
      at.call(this, frame, place, values.slice(1))
    })
    expect(await differing(endsOf, true)).not.toEqual([])
  })

  it('LS1 twin: a caller whose state is forgotten loses ends', async () => {
    twinOf('frame', (frame) => function (this: LocalState) {
      this.set(0, 0)
      return frame.call(this)
    })
    expect(await differing(endsOf, true)).not.toEqual([])
  })

  it('LS2 twin: what is told below an opaque function loses ends', async () => {
    vi.spyOn(LocalState.prototype, 'opaque').mockImplementation(() => undefined)
    expect(await differing(endsOf, true)).not.toEqual([])
  })

  it('F2 twin: a word that is looked at and not kept loses ends', async () => {
    vi.spyOn(Footprints.prototype, 'isLookedAt').mockReturnValue(false)
    expect(await differing(endsOf, true)).not.toEqual([])
  })

  it('SF2: have data races in every order and in every state, or in none', async () => {
    expect(await differing(racesIn)).toEqual([])
  })
})

describe('a race that hides', () => {
  const model = defineModel({
    name: 'hides', cpus: 3, threads: [{ run: () => put() }, { run: () => peek() }, { run: () => allow() }],
  })
  const verdicts = () => Promise.all(orders.map(async (order) => {
    const { violation } = await explore(model, { strategy: 'stateful', order, minimiseSeconds: 0 })
    return violation?.kind
  }))

  afterEach(() => { vi.restoreAllMocks() })

  it('SF2: is found in every order', async () => {
    expect(await verdicts()).toEqual(orders.map(() => 'data-race'))
  })

  it('SF2 twin: a search that looks along its paths only misses it in some', async () => {
    vi.spyOn(Session.prototype, 'findsRaces', 'get').mockReturnValue(false)
    expect(await verdicts()).toContain(undefined)
  })
})
