// SPDX-License-Identifier: MIT
/** Operations of the machine against raw Atomics and a raw view on the same memory. */
import * as machine from '@bottomhalf/machine'
import { nsPerTurn, print, row } from '../measure.mjs'

machine.formatMemory({ cpus: 1 })
machine.setCurrentCpu(0)
const { ld, st, load, store, xchg, cmpxchg, fetchAdd, fetchOr, fetchAnd, testAndSetBit, testAndClearBit } = machine
const view = new Int32Array(machine.boundMemory().buffer)
const at = machine.xzalloc(64, 0)
let sink = 0

const loops = {
  ld: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + ld(at + (i & 7))) | 0; sink ^= s },
  'raw ld': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + view[at + (i & 7)]) | 0; sink ^= s },
  st: (n) => { for (let i = 0; i < n; i++) st(at + (i & 7), i) },
  'raw st': (n) => { for (let i = 0; i < n; i++) view[at + (i & 7)] = i },
  load: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + load(at)) | 0; sink ^= s },
  'raw load': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + Atomics.load(view, at)) | 0; sink ^= s },
  store: (n) => { for (let i = 0; i < n; i++) store(at, i) },
  'raw store': (n) => { for (let i = 0; i < n; i++) Atomics.store(view, at, i) },
  xchg: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + xchg(at, i)) | 0; sink ^= s },
  'raw xchg': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + Atomics.exchange(view, at, i)) | 0; sink ^= s },
  cmpxchg: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + cmpxchg(at, i, i + 1)) | 0; sink ^= s },
  'raw cmpxchg': (n) => {
    let s = 0
    for (let i = 0; i < n; i++) s = (s + Atomics.compareExchange(view, at, i, i + 1)) | 0
    sink ^= s
  },
  fetchAdd: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + fetchAdd(at, 1)) | 0; sink ^= s },
  'raw fetchAdd': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + Atomics.add(view, at, 1)) | 0; sink ^= s },
  fetchOr: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + fetchOr(at, 8)) | 0; sink ^= s },
  'raw fetchOr': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + Atomics.or(view, at, 8)) | 0; sink ^= s },
  fetchAnd: (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + fetchAnd(at, -9)) | 0; sink ^= s },
  'raw fetchAnd': (n) => { let s = 0; for (let i = 0; i < n; i++) s = (s + Atomics.and(view, at, -9)) | 0; sink ^= s },
  bits: (n) => {
    let s = 0
    for (let i = 0; i < n; i++) s += testAndSetBit(3, at) + testAndClearBit(3, at)
    sink ^= s
  },
  'raw bits': (n) => {
    let s = 0
    for (let i = 0; i < n; i++) s += (Atomics.or(view, at, 8) >>> 3 & 1) + (Atomics.and(view, at, ~8) >>> 3 & 1)
    sink ^= s
  },
}

const found = await nsPerTurn(loops)
const names = Object.keys(loops).filter((name) => !name.startsWith('raw '))
const isPlain = (name) => name === 'ld' || name === 'st'
print(names.map((name) => row(
  `machine ${name}`, 'ns', found[name],
  isPlain(name) ? 'raw view' : 'raw Atomics', found[`raw ${name}`], { atMost: 1.05 })))
if (!Number.isInteger(sink)) process.exitCode = 1   // the loops have a result, so no compiler drops them
