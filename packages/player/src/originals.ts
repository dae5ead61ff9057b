// SPDX-License-Identifier: MIT
/**
 * The names that the original's sources have for what our functions do (SPEC 16; each file's `@xen` line says where they
 * are): for whoever knows those and not these.
 *
 * ON1  A function without a counterpart of its own has no entry, and is shown as part of the one that called it.
 */
const originals: Readonly<Record<string, string>> = {
  // xen/common/softirq.c
  doSoftirq: 'do_softirq', processPendingSoftirqs: 'process_pending_softirqs', openSoftirq: 'open_softirq',
  raiseSoftirq: 'raise_softirq', cpuRaiseSoftirq: 'cpu_raise_softirq', cpumaskRaiseSoftirq: 'cpumask_raise_softirq',
  cpuRaiseSoftirqBatchBegin: 'cpu_raise_softirq_batch_begin', cpuRaiseSoftirqBatchFinish: 'cpu_raise_softirq_batch_finish',
  // xen/common/tasklet.c
  taskletInit: 'tasklet_init', softirqTaskletInit: 'softirq_tasklet_init', taskletSchedule: 'tasklet_schedule',
  taskletScheduleOnCpu: 'tasklet_schedule_on_cpu', taskletKill: 'tasklet_kill', taskletAction: 'tasklet_softirq_action',
  doTaskletWork: 'do_tasklet_work', enqueueLocked: 'tasklet_enqueue', taskletCpuDead: 'migrate_tasklets_from_cpu',
  // xen/common/timer.c, rcupdate.c
  initTimer: 'init_timer', setTimer: 'set_timer', stopTimer: 'stop_timer', migrateTimer: 'migrate_timer',
  killTimer: 'kill_timer', timerAction: 'timer_softirq_action', timerCpuDead: 'migrate_timers_from_cpu',
  callRcu: 'call_rcu', rcuBarrier: 'rcu_barrier', rcuReadLock: 'rcu_read_lock', rcuReadUnlock: 'rcu_read_unlock',
  rcuAction: 'rcu_process_callbacks',
  // xen/common/spinlock.c, rwlock.c
  spinLock: 'spin_lock', spinLockIrq: 'spin_lock_irq', spinLockIrqsave: 'spin_lock_irqsave', spinTrylock: 'spin_trylock',
  spinUnlock: 'spin_unlock', spinUnlockIrq: 'spin_unlock_irq', spinUnlockIrqrestore: 'spin_unlock_irqrestore',
  spinBarrier: 'spin_barrier', spinLockRecursive: 'spin_lock_recursive', spinUnlockRecursive: 'spin_unlock_recursive',
  readLock: 'read_lock', readUnlock: 'read_unlock', writeLock: 'write_lock', writeUnlock: 'write_unlock',
  // xen/common/domain.c, xen/arch/x86/domain.c
  domainCreate: 'domain_create', domainKill: 'domain_kill', getDomain: 'get_domain', putDomain: 'put_domain',
  getKnownAliveDomain: 'get_knownalive_domain', vcpuPause: 'vcpu_pause', vcpuPauseNosync: 'vcpu_pause_nosync',
  domainPause: 'domain_pause', domainUnpause: 'domain_unpause',
  // xen/arch/x86/irq.c
  doIrq: 'do_IRQ', requestIrq: 'request_irq', deliverToGuests: '__do_IRQ_guest', pirqGuestBind: 'pirq_guest_bind',
  pirqGuestUnbind: 'pirq_guest_unbind', pirqGuestForceUnbind: 'pirq_guest_force_unbind', pirqGuestEoi: 'pirq_guest_eoi',
  setAffinityLocked: 'irq_set_affinity', irqMoveCleanup: 'irq_move_cleanup_interrupt', moveAllAway: 'fixup_irqs',
  mapDomainPirq: 'map_domain_pirq', unmapDomainPirq: 'unmap_domain_pirq', findFreePirq: 'get_free_pirq',
  cleanUpPirq: 'pirq_cleanup_check', assignVector: 'assign_irq_vector',
  // xen/arch/x86/hvm: irq.c, vioapic.c, vlapic.c, vmsi.c
  hvmPciIntxAssert: 'hvm_pci_intx_assert', hvmPciIntxDeassert: 'hvm_pci_intx_deassert',
  hvmSetPciLinkRoute: 'hvm_set_pci_link_route', hvmIsaIrqAssert: 'hvm_isa_irq_assert',
  hvmIsaIrqDeassert: 'hvm_isa_irq_deassert', vioapicUpdateEoi: 'vioapic_update_EOI', vlapicSetIrq: 'vlapic_set_irq',
  vlapicEoi: 'vlapic_EOI_set', vmsiDeliver: 'vmsi_deliver', sendGuestPirq: 'send_guest_pirq',
  // xen/drivers/passthrough/io.c
  scheduleDpci: 'raise_softirq_for', dpciSoftirq: 'dpci_softirq', dpciActive: 'pt_pirq_softirq_active',
  dpciReset: 'pt_pirq_softirq_reset', hvmDirqAssist: 'hvm_dirq_assist', hvmDoIrqDpci: 'hvm_do_IRQ_dpci',
  hvmDpciEoi: 'hvm_dpci_eoi', hvmDpciMsiEoi: 'hvm_dpci_msi_eoi', ptIrqCreateBind: 'pt_irq_create_bind',
  ptIrqDestroyBind: 'pt_irq_destroy_bind', ptPirqIterate: 'pt_pirq_iterate', hvmMigratePirqs: 'hvm_migrate_pirqs',
  freePassthroughState: 'free_hvm_irq_dpci',
  // xen/drivers/passthrough/pci.c
  assignDevice: 'assign_device', deassignDevice: 'deassign_device', pciCleanDpciIrqs: 'pci_clean_dpci_irqs',
  pciReleaseDevices: 'pci_release_devices', pciAddDevice: 'pci_add_device', pciRemoveDevice: 'pci_remove_device',
  // xen/common/schedule.c
  vcpuWake: 'vcpu_wake', vcpuBlock: 'vcpu_block', vcpuUnblock: 'vcpu_unblock', vcpuKick: 'vcpu_kick',
}

/** The original's name of a function; undefined if it has none of its own. A linked form numbers names that it has twice. */
export function originalOf(where: string): string | undefined {
  const known = [where, where.replace(/\d+$/, '')].find((name) => Object.hasOwn(originals, name))
  return known === undefined ? undefined : originals[known]
}

/** Our names, for the test that compares them with the sources. */
export const translated: readonly string[] = Object.keys(originals)
