// SPDX-License-Identifier: MIT
/**
 * The parts of a domain: what higher layers keep in its extensions, made and unmade with it.
 *
 * A layer registers a part at boot. A new domain runs the `init` functions in the order of registration, all
 * `domainInit` first, then vCPU by vCPU; one that fails is undone together with exactly those before it, backwards. A
 * destroyed domain runs all `destroy` functions backwards.
 *
 * @xen the calls of domain_create, vcpu_create and complete_domain_destroy
 * Contexts  init: control operations, no lock held. destroy: an RCU callback, no lock held, nobody else can reach the
 *           domain; it may wait (killTimer, taskletKill) but not for RCU.
 * Locks     none: the table is written at boot, before the first domain.
 *
 * A1  What failed to be made is unmade exactly once, and so is what was made before it; nothing else is.
 */
import { bug, type Errno, type Ref } from '@bottomhalf/base'
import { callHandler, global, ld, st, words, word, type HandlerRef } from '@bottomhalf/machine'
import { Domain } from './records.js'
import { vcpuOf } from './vcpu.js'

const MAX_PARTS = 8
const PART_WORDS = 4
const DOMAIN_INIT = 0
const DOMAIN_DESTROY = 1
const VCPU_INIT = 2
const VCPU_DESTROY = 3

const Parts = global('domainParts', { count: word, table: words(MAX_PARTS * PART_WORDS) })

/** Handlers of a part, each optional. `init` answers 0 or an errno; `destroy` undoes a successful `init` and no other. */
export interface DomainPart {
  /** Argument: the domain. Its vCPUs exist, their parts do not yet. */
  readonly domainInit?: HandlerRef
  readonly domainDestroy?: HandlerRef
  /** Argument: the vCPU. */
  readonly vcpuInit?: HandlerRef
  readonly vcpuDestroy?: HandlerRef
}

/** Add a part to every domain that is created from now on. Context: boot. */
export function registerDomainPart(part: DomainPart): void {
  const nr = ld(Parts.base + Parts.count)
  if (nr === MAX_PARTS) bug('more domain parts than there is room for')
  const entry = Parts.base + Parts.table + nr * PART_WORDS
  st(entry + DOMAIN_INIT, part.domainInit?.id ?? 0)
  st(entry + DOMAIN_DESTROY, part.domainDestroy?.id ?? 0)
  st(entry + VCPU_INIT, part.vcpuInit?.id ?? 0)
  st(entry + VCPU_DESTROY, part.vcpuDestroy?.id ?? 0)
  st(Parts.base + Parts.count, nr + 1)
}

/** Make all parts of `d`; on an error everything made is unmade (A1). */
export function initParts(d: Ref<'Domain'>): Errno {
  const steps = stepCount(d)
  for (let step = 0; step < steps; step++) {
    const result = callStep(d, step, DOMAIN_INIT, VCPU_INIT)
    if (result === 0) continue
    destroyPartsBefore(d, step)                                       // A1
    return result
  }
  return 0
}

/** Unmake all parts of `d`. */
export function destroyParts(d: Ref<'Domain'>): void {
  destroyPartsBefore(d, stepCount(d))
}

function destroyPartsBefore(d: Ref<'Domain'>, end: number): void {
  for (let step = end - 1; step >= 0; step--) callStep(d, step, DOMAIN_DESTROY, VCPU_DESTROY)
}

// Step 0..parts-1 is the domain's own, then as many for each vCPU.
function stepCount(d: Ref<'Domain'>): number {
  return ld(Parts.base + Parts.count) * (1 + ld(d + Domain.vcpuCount))
}

// What the handler answers; 0 if the part has none.
function callStep(d: Ref<'Domain'>, step: number, ofDomain: number, ofVcpu: number): number {
  const parts = ld(Parts.base + Parts.count)
  const entry = Parts.base + Parts.table + (step % parts) * PART_WORDS
  const fn = ld(entry + (step < parts ? ofDomain : ofVcpu))
  if (fn === 0) return 0
  return callHandler(fn, step < parts ? d : vcpuOf(d, Math.floor(step / parts) - 1))
}
