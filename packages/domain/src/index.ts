// SPDX-License-Identifier: MIT
/** @bottomhalf/domain: domains, their vCPUs, pIRQ records and pages; references, pausing, shutdown, and death in steps. */
export {
  callGuestProgram, domainById, domainCreate, domainListLockClass, domainReferences, DOMID_FIRST_RESERVED,
  eventLockClass, forEachDomain, getDomain, getDomainById, getKnownAliveDomain, isDomainDying, isHvmDomain, putDomain,
  setupDomains,
} from './domain.js'
export type { DomainConfig } from './domain.js'
export { domainKill } from './kill.js'
export { domainPages, domainPagesAdd, Page, pageLockClass, PAGES_PER_STEP } from './pages.js'
export { registerDomainPart } from './parts.js'
export type { DomainPart } from './parts.js'
export {
  domainCrash, domainIsShutDown, domainPause, domainPauseByController, domainPauseNosync, domainResume, domainShutdown,
  domainShutdownReason, domainUnpause, domainUnpauseByController, MAX_CONTROLLER_PAUSES, SHUTDOWN_CRASH,
  SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT, SHUTDOWN_SUSPEND, SHUTDOWN_WATCHDOG, vcpuPause, vcpuPauseNosync, vcpuPauses,
  vcpuUnpause,
} from './pause.js'
export { MAX_PIRQS, pirqRecordGetOrCreate, pirqRecordNextBatch, pirqRecordOf, pirqRecordRemove } from './pirq.js'
export {
  Domain, DOMAIN_ALIVE, DOMAIN_DEAD, DOMAIN_DYING, DOMAIN_HVM, DOMAIN_PV, PAGE_GUEST, PAGE_KINDS,
  PAGE_L2_TABLE, PAGE_L3_TABLE, PAGE_L4_TABLE, PAGE_PAGING, PAGE_SHARED, PAGE_XEN, PirqRecord, Vcpu, VPF_BLOCKED,
  VPF_COUNT_SHIFT, VPF_DOWN, VPF_PARKED,
} from './records.js'
export { setRelinquishOperations, setVcpuOperations } from './seams.js'
export type { RelinquishOperations, VcpuOperations } from './seams.js'
export { isIdleVcpu, MAX_VCPUS, vcpuInit, vcpuOf, vcpuRunnable } from './vcpu.js'
