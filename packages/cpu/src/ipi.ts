// SPDX-License-Identifier: MIT
/**
 * Interrupts from CPU to CPU: a look to be forced, a function to be called.
 *
 * @xen xen/common/smp.c, xen/arch/x86/smp.c
 * Contexts  sendEventCheck: any.  onCpu, onSelectedCpus: IF = 1, outside interrupts.
 * Locks     the call lock, held while a call has not reached all its CPUs: one call at a time.
 *
 * C4  A CPU leaves the set of the call only after it has read what to call (no wait) or has called it (wait).
 * C5  Whoever waits for a CPU has IF = 1, so that two that call each other serve each other (LK-5).
 */
import { bug } from '@bottomhalf/base'
import {
  AWAIT_EQ, awaitWord, callHandler, cpuCount, currentCpu, embed, global, handler, inIrq, irqRestore, irqSave,
  irqsEnabled, ld, raiseVector, st, word,
} from '@bottomhalf/machine'
import {
  beginAwaited, endAwaited, lockClass, mightWaitFor, SpinLock, spinLock, spinLockInit, spinUnlock,
} from '@bottomhalf/spinlock'
import {
  CpuMask, maskClear, maskFirst, maskNext, maskSet, maskTest, maskZero,
} from './mask.js'
import { countIpi, cpuOnline } from './state.js'
import { CALL_FUNCTION_VECTOR, EVENT_CHECK_VECTOR, setVector } from './vectors.js'
import type { CpuMaskRef } from './mask.js'
import type { HandlerRef } from '@bottomhalf/machine'

const callLock = lockClass('call')

/** What is awaited by a call on other CPUs: what it calls (LK-5). */
export const calledClass = lockClass('called')

const Call = global('call', {
  lock: embed(SpinLock),
  // atomic: CPUs that have not served the call yet
  waitingFor: embed(CpuMask),
  // call lock; read by a CPU that is in `waitingFor`:
  action: word, arg: word, wait: word,
  // call lock: the set that onCpu builds
  oneCpu: embed(CpuMask),
})

/** Make a CPU look at its pending softirqs: it leaves its sleep or its guest. Context: any. */
export function sendEventCheck(cpu: number): void {
  countIpi()
  raiseVector(cpu, EVENT_CHECK_VECTOR)
}

/**
 * Call `action(arg)` on one CPU, there with IF = 0; it does nothing if the CPU is offline. With `wait` this returns when
 * the call has ended, else when it has begun. Context: IF = 1, no lock that a CPU takes with IF = 0 or `action` takes.
 */
export function onCpu(cpu: number, action: HandlerRef, arg: number, wait: boolean): void {
  beginCall()
  maskZero(Call.base + Call.oneCpu)
  maskSet(Call.base + Call.oneCpu, cpu)
  callLocked(Call.base + Call.oneCpu, action, arg, wait)
  endCall()
}

/** Call `action(arg)` on the online CPUs of a set, this one included if it is in. Otherwise as `onCpu`. */
export function onSelectedCpus(mask: CpuMaskRef, action: HandlerRef, arg: number, wait: boolean): void {
  beginCall()
  callLocked(mask, action, arg, wait)
  endCall()
}

function beginCall(): void {
  if (!irqsEnabled() || inIrq()) bug('a call on other CPUs with IF = 0 or from an interrupt', 'LK-5')
  mightWaitFor(calledClass)
  spinLock(Call.base + Call.lock)                            // C5: spins with IF = 1
}

function endCall(): void {
  spinUnlock(Call.base + Call.lock)
}

function callLocked(mask: CpuMaskRef, action: HandlerRef, arg: number, wait: boolean): void {
  const me = currentCpu()
  const waitingFor = Call.base + Call.waitingFor
  st(Call.base + Call.action, action.id)
  st(Call.base + Call.arg, arg)
  st(Call.base + Call.wait, wait ? 1 : 0)
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) if (cpu !== me && cpuOnline(cpu)) sendCall(cpu)
  if (maskTest(mask, me)) callHere(action, arg)
  for (let i = 0; i < (cpuCount() + 31) >>> 5; i++) awaitWord(waitingFor + CpuMask.bits + i, AWAIT_EQ, 0)
}

/** A CPU that goes down just now still takes it: a parked one sleeps with IF = 1. */
function sendCall(cpu: number): void {
  maskSet(Call.base + Call.waitingFor, cpu)
  countIpi()
  raiseVector(cpu, CALL_FUNCTION_VECTOR)
}

function callHere(action: HandlerRef, arg: number): void {
  const flags = irqSave()
  callHandler(action.id, arg)
  irqRestore(flags)
}

/** The interrupt of a call. A CPU that is not in the set has nothing to do. */
function serveCall(): void {
  const waitingFor = Call.base + Call.waitingFor
  if (!maskTest(waitingFor, currentCpu())) return
  const action = ld(Call.base + Call.action)
  const arg = ld(Call.base + Call.arg)
  const wait = ld(Call.base + Call.wait) !== 0
  if (!wait) maskClear(waitingFor, currentCpu())             // C4
  beginAwaited(calledClass)
  callHandler(action, arg)
  endAwaited(calledClass)
  if (wait) maskClear(waitingFor, currentCpu())              // C4
}

const serveCallHandler = handler('serveCall', serveCall)

export function setupCalls(): void {
  spinLockInit(Call.base + Call.lock, callLock)
  setVector(CALL_FUNCTION_VECTOR, serveCallHandler)
}
