// SPDX-License-Identifier: MIT
/**
 * Control operations on domains: made, paused, stopped, killed, placed on CPUs, looked at.
 *
 * @xen xen/common/domctl.c
 * Contexts  as control.ts says: the boot CPU's idle vCPU, IF = 1, no lock held.
 */
import { bug, EAGAIN, EINVAL, ERESTART, ESRCH, type DomId, type Errno, type Ref } from '@bottomhalf/base'
import { CpuMask, maskFirst, maskNext, type CpuMaskRef } from '@bottomhalf/cpu'
import {
  Domain, domainCreate, domainKill, domainPauseByController, domainReferences, domainResume,
  domainShutdown, domainShutdownReason, domainUnpauseByController, forEachDomain, Vcpu, vcpuOf,
} from '@bottomhalf/domain'
import { embed, global, handler, ld, ldTime, load, st } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import {
  RunstateInfo, schedDomainGet, schedDomainSet, schedParametersAreValid, vcpuPin, vcpuRunstateGet, vcpuSetAffinity,
  vcpuUp,
} from '@bottomhalf/sched'
import { registerOperation } from './control.js'
import { allOnline, readCpuSet, someOnline, withDomain, withLivingDomain } from './decode.js'
import { isGuestProgram } from './guestPrograms.js'
import { tiedPirqs } from './pirqs.js'
import { CREATE_PAUSED, CREATE_PINNED, Operation } from './requests.js'

const Scratch = global('domainOperations', {
  // the control tasklet's, within one turn:
  cpus: embed(CpuMask), runstate: embed(RunstateInfo),
})

function cpuSet(): CpuMaskRef {
  return Scratch.base + Scratch.cpus
}

// ---- creation

function createDomain(args: number): Errno {
  const [vcpus, flags] = [ld(args + 2), ld(args + 8)]
  if (!isGuestProgram(ld(args + 4)) || !schedParametersAreValid(vcpus, ld(args + 6), ld(args + 7))) return -EINVAL
  if ((flags & ~(CREATE_PINNED | CREATE_PAUSED)) !== 0 || !readCpuSet(args + 9, cpuSet())) return -EINVAL
  const pinned = (flags & CREATE_PINNED) !== 0
  if (!(pinned ? allOnline(cpuSet()) : someOnline(cpuSet()))) return -EINVAL
  const d = domainCreate({
    domId: ld(args) as DomId, kind: ld(args + 1), vcpus, nrPirqs: ld(args + 3),
    guestProgram: { name: '', id: ld(args + 4) }, guestData: ld(args + 5),
  })
  return d < 0 ? d : startDomain(d, args, pinned)
}

// A CPU may go down between the check and here: then the domain goes again.
function startDomain(d: Ref<'Domain'>, args: number, pinned: boolean): Errno {
  const placed = placeVcpus(d, pinned)
  if (placed !== 0) return undoCreate(d, placed)
  if (schedDomainSet(d, ld(args + 6), ld(args + 7)) !== 0) bug('what was checked is refused', 'DC1')
  if ((ld(args + 8) & CREATE_PAUSED) !== 0 && domainPauseByController(d) !== 0) bug('a fresh domain cannot be paused', 'DOM-3')
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    if (vcpuUp(vcpuOf(d, n)) !== 0) bug('a fresh vCPU is up', 'DOM-1')
  }
  return 0
}

function placeVcpus(d: Ref<'Domain'>, pinned: boolean): Errno {
  let cpu = maskFirst(cpuSet())
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    const placed = pinned ? vcpuPin(vcpuOf(d, n), cpu) : vcpuSetAffinity(vcpuOf(d, n), cpuSet())
    if (placed !== 0) return placed
    cpu = maskNext(cpuSet(), cpu)
    if (cpu < 0) cpu = maskFirst(cpuSet())
  }
  return 0
}

function undoCreate(d: Ref<'Domain'>, result: Errno): Errno {
  if (domainKill(d) !== 0) bug('a domain that has nothing yet cannot be killed', 'DOM-4')
  return result
}

// ---- life and death

function killDomain(args: number): Errno {
  return withDomain(args, (d) => continued(domainKill(d)))
}

/** DOM-4: the CPU serves what is pending, and the operation goes on. */
function continued(result: Errno): Errno {
  return result === -EAGAIN ? -ERESTART : result
}

function pauseDomain(args: number): Errno {
  return withLivingDomain(args, (d) => domainPauseByController(d))
}

function unpauseDomain(args: number): Errno {
  return withLivingDomain(args, (d) => domainUnpauseByController(d))
}

function shutdownDomain(args: number): Errno {
  return withLivingDomain(args, (d) => domainShutdown(d, ld(args + 1)))
}

function resumeDomain(args: number): Errno {
  return withLivingDomain(args, (d) => domainResume(d))
}

// ---- the scheduler's

function setAffinity(args: number): Errno {
  return withLivingDomain(args, (d) => {
    const v = vcpuOf(d, ld(args + 1))
    return v === 0 || !readCpuSet(args + 2, cpuSet()) ? -EINVAL : vcpuSetAffinity(v, cpuSet())
  })
}

function setSchedule(args: number): Errno {
  return withLivingDomain(args, (d) => schedDomainSet(d, ld(args + 1), ld(args + 2)))
}

// ---- looking

function nextDomain(args: number): Errno {
  const from = ld(args)
  let next = -1
  rcuReadLock()
  forEachDomain((d) => {
    const domId = ld(d + Domain.domId)
    if (domId >= from && (next < 0 || domId < next)) next = domId
    return false
  })
  rcuReadUnlock()
  st(args, next)
  return next < 0 ? -ESRCH : 0
}

function domainState(args: number): Errno {
  return withDomain(args, (d) => {
    st(args, ld(d + Domain.kind))
    st(args + 1, ld(d + Domain.vcpuCount))
    st(args + 2, ld(d + Domain.nrPirqs))
    st(args + 3, load(d + Domain.dying))
    st(args + 4, domainShutdownReason(d))
    st(args + 5, load(d + Domain.controllerPauses))
    schedDomainGet(d, args + 6)
    st(args + 8, tiedPirqs(d))
    st(args + 9, domainReferences(d) - 1)          // less the one of this look
    return 0
  })
}

function vcpuState(args: number): Errno {
  return withDomain(args, (d) => {
    const v = vcpuOf(d, ld(args + 1))
    if (v === 0) return -EINVAL
    const info = Scratch.base + Scratch.runstate
    vcpuRunstateGet(v, info)
    st(args, load(v + Vcpu.processor))
    st(args + 1, ld(info + RunstateInfo.state))
    writeNs(args + 2, ldTime(info + RunstateInfo.runningNs))
    writeNs(args + 4, ldTime(info + RunstateInfo.runnableNs))
    writeNs(args + 6, ldTime(info + RunstateInfo.blockedNs))
    writeNs(args + 8, ldTime(info + RunstateInfo.offlineNs))
    writeNs(args + 10, ldTime(info + RunstateInfo.hypervisorNs))
    return 0
  })
}

function writeNs(at: number, ns: number): void {
  st(at, Math.floor(ns / 2 ** 32))
  st(at + 1, ns | 0)
}

const createDomainHandler = handler('controlCreateDomain', createDomain)
const killDomainHandler = handler('controlKillDomain', killDomain)
const pauseDomainHandler = handler('controlPauseDomain', pauseDomain)
const unpauseDomainHandler = handler('controlUnpauseDomain', unpauseDomain)
const shutdownDomainHandler = handler('controlShutdownDomain', shutdownDomain)
const resumeDomainHandler = handler('controlResumeDomain', resumeDomain)
const setAffinityHandler = handler('controlSetAffinity', setAffinity)
const setScheduleHandler = handler('controlSetSchedule', setSchedule)
const nextDomainHandler = handler('controlNextDomain', nextDomain)
const domainStateHandler = handler('controlDomainState', domainState)
const vcpuStateHandler = handler('controlVcpuState', vcpuState)

/** Boot: after `setupControl`. */
export function setupDomainOperations(): void {
  registerOperation(Operation.CreateDomain, createDomainHandler)
  registerOperation(Operation.KillDomain, killDomainHandler)
  registerOperation(Operation.PauseDomain, pauseDomainHandler)
  registerOperation(Operation.UnpauseDomain, unpauseDomainHandler)
  registerOperation(Operation.ShutdownDomain, shutdownDomainHandler)
  registerOperation(Operation.ResumeDomain, resumeDomainHandler)
  registerOperation(Operation.SetAffinity, setAffinityHandler)
  registerOperation(Operation.SetSchedule, setScheduleHandler)
  registerOperation(Operation.NextDomain, nextDomainHandler)
  registerOperation(Operation.DomainState, domainStateHandler)
  registerOperation(Operation.VcpuState, vcpuStateHandler)
}
