// SPDX-License-Identifier: MIT
/** The production protocol against a plain model of DP-14: any sequence of whole steps on three CPUs and two records. */
import { domainReferences } from '@bottomhalf/domain'
import { fetchAnd, fetchOr, load } from '@bottomhalf/machine'
import { dropSoftirqs, softirqPending } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  DPCI_MASKED, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciActive, dpciDomain, HvmPirqDpci, protocolCpuDead, scheduleDpci,
} from '../src/index.js'
import { dpciReset, dpciSoftirq } from '../src/protocolSoftirq.js'
import { boot } from './boot.js'
import { createFire, GVECS, secondOf } from './fire.model.js'
import { HVM_DPCI_SOFTIRQ, isRequested, takeRequested } from './setup.model.js'

const CPUS = 3

interface ModelRecord { sched: boolean, run: boolean, masked: boolean, requested: boolean }

class Model {
  readonly records = [0, 1].map((): ModelRecord => ({ sched: false, run: false, masked: false, requested: false }))
  readonly lists: number[][] = Array.from({ length: CPUS }, () => [])

  get references(): number {
    return this.records.filter(({ sched }) => sched).length
  }

  isQueued(n: number): boolean {
    return this.lists.some((list) => list.includes(n))
  }

  arrive(n: number, cpu: number): void {
    Object.assign(this.record(n), { sched: true, masked: true })
    if (!this.isQueued(n)) this.list(cpu).push(n)
  }

  serve(cpu: number): void {
    for (const n of this.list(cpu).splice(0)) {
      const record = this.record(n)
      if (record.run) this.list(cpu).push(n)
      else this.run(record)
    }
  }

  cancel(n: number): void {
    Object.assign(this.record(n), { sched: false, masked: false })
  }

  die(from: number, to: number): void {
    this.list(to).push(...this.list(from).splice(0))
  }

  stateOf(n: number): number {
    const { sched, run, masked } = this.record(n)
    const queued = this.isQueued(n)
    return (sched ? DPCI_SCHED : 0) | (run ? DPCI_RUN : 0) | (queued ? DPCI_QUEUED : 0) | (masked ? DPCI_MASKED : 0)
  }

  record(n: number): ModelRecord {
    const record = this.records[n]
    if (record === undefined) throw new RangeError(`record ${n}`)
    return record
  }

  list(cpu: number): number[] {
    const list = this.lists[cpu]
    if (list === undefined) throw new RangeError(`CPU ${cpu}`)
    return list
  }

  private run(record: ModelRecord): void {
    if (!record.sched) return
    record.requested ||= record.masked
    record.sched = false
    record.masked = false
  }
}

const record = fc.nat(1)
const cpu = fc.nat(CPUS - 1)
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('arrive' as const), n: record, cpu, to: cpu }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('serve' as const), n: record, cpu, to: cpu }) },
  fc.record({ op: fc.constantFrom('cancel' as const, 'inside' as const, 'leave' as const), n: record, cpu, to: cpu }),
  fc.record({ op: fc.constantFrom('die' as const, 'take' as const), n: record, cpu, to: cpu }),
)

test('DP-1 to DP-6, DP-13, DP-14: state, references, lists and deliveries are those of the model', () => {
  fc.assert(fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), (operations) => {
    boot(CPUS)
    const first = createFire()
    const records = [first, secondOf(first)]
    const d = dpciDomain(first)
    const model = new Model()
    for (const { op, n, cpu, to } of operations) {
      const dpci = records[n] ?? 0
      switch (op) {
        case 'arrive': onCpu(cpu, () => { scheduleDpci(dpci) }); model.arrive(n, cpu); break
        case 'serve': serveOnce(cpu); model.serve(cpu); break
        case 'cancel': dpciReset(dpci); model.cancel(n); break
        case 'inside': fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN); model.record(n).run = true; break
        case 'leave': fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN); model.record(n).run = false; break
        case 'take': takeRequested(d, GVECS[n] ?? 0); model.record(n).requested = false; break
        case 'die':
          if (cpu === to) break
          dropSoftirqs(cpu)
          onCpu(to, () => { protocolCpuDead(cpu) })
          model.die(cpu, to)
      }
      compare(model, records, d)
    }
  }), { numRuns: 300 })
}, 60_000)

function serveOnce(cpu: number): void {
  onCpu(cpu, () => {
    dropSoftirqs(cpu)
    dpciSoftirq(HVM_DPCI_SOFTIRQ)
  })
}

function compare(model: Model, records: readonly number[], d: number): void {
  expect(records.map((dpci) => load(dpci + HvmPirqDpci.state))).toEqual([0, 1].map((n) => model.stateOf(n)))
  expect(records.map((_, n) => isRequested(d, GVECS[n] ?? 0))).toEqual(model.records.map(({ requested }) => requested))
  const active = model.records.map(({ sched, run }, n) => sched || run || model.isQueued(n))
  expect(records.map((dpci) => dpciActive(dpci))).toEqual(active)
  expect(domainReferences(d)).toBe(1 + model.references)
  // P4: a CPU with a list has its softirq pending
  const pending = Array.from({ length: CPUS }, (_, cpu) => (softirqPending(cpu) & 1 << HVM_DPCI_SOFTIRQ) !== 0)
  expect(pending).toEqual(model.lists.map((list) => list.length > 0))
}
