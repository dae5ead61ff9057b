// SPDX-License-Identifier: MIT
/** Cycles per second of 1, 2 and 4 pCPUs on real threads, softirq and tasklet, runs taking turns. */
import { availableParallelism } from 'node:os'
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { startMachine } from '@bottomhalf/threads'
import { print, quick, row, summary } from '../measure.mjs'

const entry = new URL('../machines/throughput.mjs', import.meta.url)
const configurations = [1, 2, 4].flatMap((cpus) => ['softirq', 'tasklet'].map((form) => ({ form, cpus })))
const figures = Object.fromEntries(configurations.map(({ form, cpus }) => [`${form} ${cpus}`, []]))

for (let round = 0; round < (quick ? 3 : 7); round++) {
  for (const { form, cpus } of configurations) figures[`${form} ${cpus}`].push(await millionCyclesPerSecond(form, cpus))
}

const found = Object.fromEntries(Object.entries(figures).map(([name, list]) => [name, summary(list)]))
const cores = availableParallelism()
const against = (what, a, nameB, b, target) => row(what, 'M/s', found[a], nameB, found[b], target)
print([
  against('dpci, 2 pCPUs', 'softirq 2', 'dpci, 1 pCPU', 'softirq 1', cores >= 2 ? { atLeast: 1.9 } : undefined),
  against('dpci, 4 pCPUs', 'softirq 4', 'dpci, 1 pCPU', 'softirq 1'),
  against('dpci, 1 pCPU', 'softirq 1', 'tasklet, 1 pCPU', 'tasklet 1'),
  against('dpci, 2 pCPUs', 'softirq 2', 'tasklet, 2 pCPUs', 'tasklet 2', { atLeast: 3.5 }),
  against('dpci, 4 pCPUs', 'softirq 4', 'tasklet, 4 pCPUs', 'tasklet 4', { atLeast: 6 }),
])

async function millionCyclesPerSecond(form, cpus) {
  const machine = startMachine({
    cpus, entry, cpuMain: 'benchThroughput', data: {}, trace: false, memory: createSharedMemory(4 * 1024 * 1024),
    conditions: form === 'tasklet' ? ['tasklet'] : [],
  })
  const { reason, message, reports } = await machine.stopped
  if (reason !== 'requested') throw new Error(`${form} on ${cpus} pCPUs: ${message}`)
  return reports.reduce((sum, { count, ns }) => sum + count / ns, 0) * 1e3
}
