// SPDX-License-Identifier: MIT
/** @bottomhalf/domain: domains, their vCPUs and pIRQ records; references, and destruction through RCU. */
export {
  callGuestProgram, domainById, domainCreate, domainListLockClass, domainReferences, DOMID_FIRST_RESERVED,
  eventLockClass, forEachDomain, getDomain, getDomainById, getKnownAliveDomain, isDomainDying, isHvmDomain, putDomain,
  setupDomains,
} from './domain.js'
export type { DomainConfig } from './domain.js'
export { checkExtension, extension } from './extension.js'
export { registerDomainPart } from './parts.js'
export type { DomainPart } from './parts.js'
export { MAX_PIRQS, pirqRecordGetOrCreate, pirqRecordNextBatch, pirqRecordOf, pirqRecordRemove } from './pirq.js'
export {
  Domain, DOMAIN_ALIVE, DOMAIN_DEAD, DOMAIN_DYING, DOMAIN_HVM, DOMAIN_PV, DPCI_EXTENSION_WORDS, HVM_DOMAIN_WORDS,
  HVM_VCPU_WORDS, IRQ_EXTENSION_WORDS, PirqRecord, SCHED_VCPU_WORDS, Vcpu, VPF_BLOCKED, VPF_DOWN,
} from './records.js'
export { isIdleVcpu, MAX_VCPUS, vcpuInit, vcpuOf, vcpuRunnable } from './vcpu.js'
