// SPDX-License-Identifier: MIT
/**
 * What guests do that no good guest does: each at, or from, a certain interrupt of its own on.
 *
 * Contexts  endInterrupt: the guest's vCPU, inside a VM entry.
 *
 * BAD1  A guest that stops serving says so in its own memory before it stops (`guestState`), so that what is not served
 *       after that can be told from what is lost.
 */
import { domainCrash, Vcpu } from '@bottomhalf/domain'
import { guestEoi } from '@bottomhalf/hvm'
import { fetchAdd, ld, load, st, store, struct, word } from '@bottomhalf/machine'
import { bindChannels, maskMessages } from './channels.js'
import { endLines, maskLines } from './lines.js'
import { scribble } from './scribble.js'
import type { Ref } from '@bottomhalf/base'

export const Behaviour = struct('Behaviour', {
  // written before the guest starts, constant after: the number of the interrupt at which it begins, 0 for never
  neverEoi: word, strayEoi: word, maskForEver: word, bindEventChannels: word, writeTable: word, crash: word,
  // atomic; its vCPUs', read by others:
  interrupts: word, crashed: word, owesEoi: word, masked: word, scribbled: word, random: word,
})

/** Interrupts at which a guest begins to misbehave, counted from 1; what is left out it never does. */
export interface Misbehaviour {
  readonly neverEoi?: number | undefined, readonly strayEoi?: number | undefined
  readonly maskForEver?: number | undefined, readonly bindEventChannels?: number | undefined
  readonly writeTable?: number | undefined
  readonly crash?: number | undefined
  /** What its random numbers begin with: no interrupt. */
  readonly seed?: number | undefined
}

/** Whether a guest has stopped serving, as it says itself. */
export interface GuestState {
  readonly crashed: boolean, readonly owesEoi: boolean, readonly masked: boolean, readonly scribbled: boolean
}

/** Write how a guest behaves that does not run yet. */
export function behaviourInit(behaviour: Ref<'Behaviour'>, how: Misbehaviour): void {
  st(behaviour + Behaviour.neverEoi, how.neverEoi ?? 0)
  st(behaviour + Behaviour.strayEoi, how.strayEoi ?? 0)
  st(behaviour + Behaviour.maskForEver, how.maskForEver ?? 0)
  st(behaviour + Behaviour.bindEventChannels, how.bindEventChannels ?? 0)
  st(behaviour + Behaviour.writeTable, how.writeTable ?? 0)
  st(behaviour + Behaviour.crash, how.crash ?? 0)
  store(behaviour + Behaviour.random, how.seed ?? 0)
}

/** It begins anew, with the same habits. It does not run. */
export function behaviourRestart(behaviour: Ref<'Behaviour'>): void {
  store(behaviour + Behaviour.interrupts, 0)
  store(behaviour + Behaviour.crashed, 0)
  store(behaviour + Behaviour.owesEoi, 0)
  store(behaviour + Behaviour.masked, 0)
  store(behaviour + Behaviour.scribbled, 0)
}

/** What a guest says of itself. */
export function behaviourState(behaviour: Ref<'Behaviour'>): GuestState {
  return {
    crashed: load(behaviour + Behaviour.crashed) !== 0,
    owesEoi: load(behaviour + Behaviour.owesEoi) !== 0,
    masked: load(behaviour + Behaviour.masked) !== 0,
    scribbled: load(behaviour + Behaviour.scribbled) !== 0,
  }
}

/** End the local APIC's interrupt in service as this guest does, whose drivers are chained from `drivers`. */
export function endInterrupt(v: Ref<'Vcpu'>, behaviour: Ref<'Behaviour'>, drivers: Ref<'Driver'>): void {
  const n = nextInterrupt(v, behaviour, drivers)
  if (load(behaviour + Behaviour.crashed) !== 0) return
  if (isFrom(behaviour + Behaviour.neverEoi, n)) return store(behaviour + Behaviour.owesEoi, 1)      // BAD1
  guestEoi(v)
  if (isFrom(behaviour + Behaviour.strayEoi, n)) endTooMuch(v, drivers)
}

/** Count an interrupt, and do what the guest does at it. Returns its number. One that came as an event has no end. */
export function nextInterrupt(v: Ref<'Vcpu'>, behaviour: Ref<'Behaviour'>, drivers: Ref<'Driver'>): number {
  const n = fetchAdd(behaviour + Behaviour.interrupts, 1) + 1
  if (n === ld(behaviour + Behaviour.crash)) crash(v, behaviour)
  if (n === ld(behaviour + Behaviour.maskForEver)) mask(v, behaviour, drivers)
  if (n === ld(behaviour + Behaviour.bindEventChannels)) bindChannels(v, drivers)
  if (isFrom(behaviour + Behaviour.writeTable, n)) writeTables(v, behaviour, drivers)
  return n
}

function crash(v: Ref<'Vcpu'>, behaviour: Ref<'Behaviour'>): void {
  store(behaviour + Behaviour.crashed, 1)                              // BAD1
  domainCrash(ld(v + Vcpu.domain))
}

function mask(v: Ref<'Vcpu'>, behaviour: Ref<'Behaviour'>, drivers: Ref<'Driver'>): void {
  store(behaviour + Behaviour.masked, 1)                               // BAD1
  maskLines(v, drivers)
  maskMessages(v, drivers)
}

function writeTables(v: Ref<'Vcpu'>, behaviour: Ref<'Behaviour'>, drivers: Ref<'Driver'>): void {
  store(behaviour + Behaviour.scribbled, 1)                            // BAD1
  scribble(v, drivers, behaviour + Behaviour.random)
}

function endTooMuch(v: Ref<'Vcpu'>, drivers: Ref<'Driver'>): void {
  guestEoi(v)
  endLines(v, drivers)
}

function isFrom(begin: number, n: number): boolean {
  return ld(begin) !== 0 && n >= ld(begin)
}
