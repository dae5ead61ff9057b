// SPDX-License-Identifier: MIT
/** What the tests of guests call on the stepped machine: a pCPU's loop by hand, guest programs, events. */
import type { Ref } from '@bottomhalf/base'
import { Domain, Vcpu } from '@bottomhalf/domain'
import { callHandler, global, handler, irqEnable, ld, ldTime, nowNs, st, stTime, time, word, words, xmalloc } from '@bottomhalf/machine'
import { currentVcpu, RunstateInfo, stealNs, vcpuRunstateGet } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import {
  evtchnBindVirq, evtchnTake, guestEoi, guestHalt, guestMustExit, guestSetTimer, guestTakeInterrupt,
  hvmSetCallbackVector, runGuest, VIRQ_TIMER, vlapicSetIrq,
} from '../src/index.js'
import { bringUp, makeGuest, setupMachine } from './setup.model.js'
import type { GuestOptions } from './setup.model.js'

export const CALLBACK = 0xf3

export const Log = global('testLog', {
  // the vCPU's own: vectors in the order in which the guest took them
  count: word, vectors: words(64),
  // the vCPU's own: VIRQ_TIMER events taken, time of the last
  ticks: word, lastTickNs: time,
})

/** Takes what there is and halts, until it must leave. */
function servingProgram(v: Ref<'Vcpu'>): void {
  while (!guestMustExit()) {
    const vector = guestTakeInterrupt(v)
    if (vector < 0) {
      if (guestHalt()) return
    } else {
      note(vector)
      if (vector === CALLBACK) takeEvents(v)
      else guestEoi(v)
    }
  }
}

function note(vector: number): void {
  const count = ld(Log.base + Log.count)
  st(Log.base + Log.vectors + count, vector)
  st(Log.base + Log.count, count + 1)
}

function takeEvents(v: Ref<'Vcpu'>): void {
  for (let port = evtchnTake(v); port > 0; port = evtchnTake(v)) {
    st(Log.base + Log.ticks, ld(Log.base + Log.ticks) + 1)
    stTime(Log.base + Log.lastTickNs, nowNs())
  }
}

export const serving = handler('testServingProgram', servingProgram)

export function setup(cpus: number, options: GuestOptions): Ref<'Domain'> {
  setupMachine(cpus)
  irqEnable()
  const d = makeGuest(1, options)
  bringUp(d, options.pins.length)
  return d
}

/** One turn of a pCPU's loop; returns whether a guest was entered. */
export function turn(): boolean {
  irqEnable()
  doSoftirq()
  const v = currentVcpu()
  return ld(v + Vcpu.domain) !== 0 && runGuest(v)
}

/** Let the vCPU have a timer: VIRQ_TIMER bound, told by the callback vector. */
export function withTimer(v: Ref<'Vcpu'>): number {
  const refused = hvmSetCallbackVector(ld(v + Vcpu.domain), CALLBACK)
  return refused === 0 ? evtchnBindVirq(v, VIRQ_TIMER) : refused
}

export function setTimerAt(v: Ref<'Vcpu'>, ns: number): void {
  guestSetTimer(v, ns)
}

/** What a vCPU has spent so far: blocked, and steal. */
export function spentBy(v: Ref<'Vcpu'>): [blockedNs: number, stealNs: number] {
  const info = xmalloc(RunstateInfo.sizeWords, RunstateInfo.tag)
  vcpuRunstateGet(v, info)
  return [ldTime(info + RunstateInfo.blockedNs), stealNs(info)]
}

export function send(v: Ref<'Vcpu'>, vector: number): void {
  vlapicSetIrq(v, vector, false)
}

/** The guest's program alone, without entry and exit. */
export function program(v: Ref<'Vcpu'>): void {
  callHandler(ld(ld(v + Vcpu.domain) + Domain.guestProgram), v)
}
