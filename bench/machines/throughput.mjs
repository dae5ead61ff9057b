// SPDX-License-Identifier: MIT
/** What each pCPU of the throughput suite runs: warm up, wait for the others, count cycles for as long as asked. */
import { cpuCount, cpuRelax, fetchAdd, global, handler, load, nowNs, word } from '@bottomhalf/machine'
import { boot as bootRecords, cycles } from './setup.mjs'

const Throughput = global('benchThroughput', { ready: word })
const BATCH = 64
const SECONDS = 0.5
const result = { count: 0, ns: 0 }

export function boot(data) {
  bootRecords(data)
}

export const throughputMain = handler('benchThroughput', () => {
  for (let i = 0; i < 400; i++) cycles(BATCH)
  fetchAdd(Throughput.base + Throughput.ready, 1)
  while (load(Throughput.base + Throughput.ready) < cpuCount()) cpuRelax()
  const start = nowNs()
  const end = start + 1e9 * SECONDS
  for (; nowNs() < end; result.count += BATCH) cycles(BATCH)
  result.ns = nowNs() - start
  return 0
})

export function report() {
  return { ...result }
}
