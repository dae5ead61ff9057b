// SPDX-License-Identifier: MIT
/** The workload on the native build, in one thread that is one CPU after the other, in a machine where no time passes. */
process.hrtime = () => [0, 0]
const { boundMemory, formatMemory, irqEnable, memoryHash, setCurrentCpu, xzalloc } = await import('@bottomhalf/machine')
const { doSoftirq } = await import('@bottomhalf/softirq')
const { scheduleDpci } = await import('@bottomhalf/passthrough-io')
const { boot, countsOf, createGuest, CPUS, Devices, mix } = await import('./workload.mjs')

const [steps, seed, cycles] = process.argv.slice(2).map(Number)
const run = (cpu, fn) => {
  setCurrentCpu(cpu)
  const result = fn()
  irqEnable()
  return result
}
const hash = () => memoryHash(new Int32Array(boundMemory().buffer))

function start() {
  formatMemory({ cpus: CPUS, debug: true, trace: false, bootTimeNs: 0 })
  for (let cpu = 0; cpu < CPUS; cpu++) run(cpu, () => irqEnable())
  const devices = run(0, () => xzalloc(Devices.sizeWords, Devices.tag))
  boot(run)
  return devices
}

const hashes = []
const results = mix(run, start(), steps, seed, () => hashes.push(hash()))

const guest = createGuest(run, start(), CPUS)
for (let n = 0; n < cycles; n++) {
  for (let cpu = 0; cpu < CPUS; cpu++) run(cpu, () => scheduleDpci(guest.records[cpu]))
  for (let cpu = 0; cpu < CPUS; cpu++) run(cpu, () => doSoftirq())
}
console.log(JSON.stringify({ build: 'native', hashes, results, counts: countsOf(run, guest), hash: hash() }))
