// SPDX-License-Identifier: MIT
/**
 * The machine's words seen from a thread that is not bound to them: one process may start several machines, each on a
 * memory of its own.
 */
import { Cpu, Header, Stop } from '@bottomhalf/machine'

/** Ask a machine to stop, as `requestStop` does from inside: wakes every CPU, the first reason beyond a request stands. */
export function stopMachineWords(words: Int32Array, reason: number): void {
  const before = Atomics.compareExchange(words, Header.stop, Stop.Running, reason)
  if (before === Stop.Requested && reason > Stop.Requested) Atomics.store(words, Header.stop, reason)
  const base = words[Header.perCpuBase] ?? 0
  const stride = words[Header.perCpuStride] ?? 0
  for (let cpu = 0; cpu < (words[Header.cpuCount] ?? 0); cpu++) {
    const doorbell = base + cpu * stride + Cpu.doorbell
    if (Atomics.exchange(words, doorbell, 0) !== 0) Atomics.notify(words, doorbell)
  }
}
