// SPDX-License-Identifier: MIT
/** Native tests in one thread: be one CPU after the other. */
import { NO_CPU, cpuCount, currentCpu, setCurrentCpu } from '@bottomhalf/machine'

/** Run `fn` as CPU `cpu`, then be again who this thread was. */
export function onCpu<T>(cpu: number, fn: () => T): T {
  const before = currentCpu()
  setCurrentCpu(cpu)
  try {
    return fn()
  } finally {
    setCurrentCpu(before)
  }
}

/** Run `fn` as every CPU in turn, or as the first `cpus`. The results, by CPU. */
export function onEachCpu<T>(fn: (cpu: number) => T, cpus = cpuCount()): T[] {
  return Array.from({ length: cpus }, (_, cpu) => onCpu(cpu, () => fn(cpu)))
}

/** Run `fn` as a thread that is no CPU. */
export function onNoCpu<T>(fn: () => T): T {
  return onCpu(NO_CPU, fn)
}
