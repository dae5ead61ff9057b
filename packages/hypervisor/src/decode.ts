// SPDX-License-Identifier: MIT
/**
 * Decoding of what operations have in common: the domain, a set of CPUs, a pIRQ.
 *
 * Contexts  as control.ts says. `args` is the address of the operation's words.
 *
 * DC1  Words are checked before the first change: what is refused has changed nothing.
 */
import { EINVAL, ESRCH, type DomId, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { cpuOnline, maskFirst, maskNext, maskSet, maskZero, type CpuMaskRef } from '@bottomhalf/cpu'
import { Domain, getDomainById, isDomainDying, putDomain } from '@bottomhalf/domain'
import { cpuCount, ld, type Susp } from '@bottomhalf/machine'
import { CPU_SET_WORDS } from './requests.js'

/** Do something with the domain that the first word names, and a reference to it. -ESRCH: there is none. */
export function withDomain(args: number, action: Susp<(d: Ref<'Domain'>) => Errno>): Errno {
  const d = getDomainById(ld(args) as DomId)
  if (d === 0) return -ESRCH
  const result = action(d)
  putDomain(d)
  return result
}

/** The same, unless the domain is dying: then -EINVAL. */
export function withLivingDomain(args: number, action: Susp<(d: Ref<'Domain'>) => Errno>): Errno {
  return withDomain(args, (d) => isDomainDying(d) ? -EINVAL : action(d))
}

export function pirqInRange(d: Ref<'Domain'>, pirq: number): pirq is Pirq {
  return pirq >= 0 && pirq < ld(d + Domain.nrPirqs)
}

/** A PCI address: a word, unsigned. */
export function sbdfAt(args: number): number {
  return ld(args) >>> 0
}

/** Read a set of CPUs into `mask`; all ones are all CPUs. False: it names a CPU that the machine does not have. */
export function readCpuSet(args: number, mask: CpuMaskRef): boolean {
  const everywhere = isEverywhere(args)
  maskZero(mask)
  for (let cpu = 0; cpu < CPU_SET_WORDS * 32; cpu++) {
    if ((ld(args + (cpu >> 5)) >>> (cpu & 31) & 1) === 0) continue
    if (cpu < cpuCount()) maskSet(mask, cpu)
    else if (!everywhere) return false
  }
  return true
}

function isEverywhere(args: number): boolean {
  let all = -1
  for (let i = 0; i < CPU_SET_WORDS; i++) all &= ld(args + i)
  return all === -1
}

export function someOnline(mask: CpuMaskRef): boolean {
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) if (cpuOnline(cpu)) return true
  return false
}

export function allOnline(mask: CpuMaskRef): boolean {
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) if (!cpuOnline(cpu)) return false
  return maskFirst(mask) >= 0
}
