// SPDX-License-Identifier: MIT
/**
 * In place of the guest: records what reaches it. Takes the place of `vmsiDeliver` and its like when a form is linked; all
 * else of `hvm` is as shipped.
 *
 * Whatever a binding delivers to has a number here, its *end*: a vector for a message, LINE_ENDS + device for a line.
 *
 * I1  Whatever arrived while bound was delivered after it arrived: `seen` of its end equals `arrived` at rest.
 * I2  Nothing is delivered to an end that was closed.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { fetchAdd, global, ld, load, st, store, words } from '@bottomhalf/machine'

const ENDS = 0x80
/** Ends of lines, by the guest's device. */
export const LINE_ENDS = 0x60

const Guest = global('historyGuest', {
  // atomic, by end: arrivals while bound to it; how many of them the last delivery had seen; whether it was unbound
  arrived: words(ENDS), seen: words(ENDS), closed: words(ENDS),
  // eventLock of the one domain that has the line: whether it is high
  high: words(ENDS - LINE_ENDS),
})

/** An interrupt came for a record that is bound to an end. irqDesc.lock held. */
export function arrivedFor(end: number): void {
  fetchAdd(Guest.base + Guest.arrived + end, 1)
}

/** An end was unbound: nothing may come to it any more. */
export function closeEnd(end: number): void {
  store(Guest.base + Guest.closed + end, 1)
}

/** It was bound again, or what comes to it is nothing wrong. */
export function openEnd(end: number): void {
  store(Guest.base + Guest.closed + end, 0)
}

/** A guest MSI is delivered. eventLock held. */
export function vmsiDeliver(_d: Ref<'Domain'>, gvec: number, _gflags: number): void {
  deliver(gvec)
}

/** A line is asserted. Returns whether it was low. eventLock held. */
export function hvmPciIntxAssert(_d: Ref<'Domain'>, device: number, _pin: number): boolean {
  deliver(LINE_ENDS + device)
  const isNews = ld(Guest.base + Guest.high + device) === 0
  st(Guest.base + Guest.high + device, 1)
  return isNews
}

/** A line is deasserted. eventLock held. */
export function hvmPciIntxDeassert(_d: Ref<'Domain'>, device: number, _pin: number): void {
  st(Guest.base + Guest.high + device, 0)
}

function deliver(end: number): void {
  if (load(Guest.base + Guest.closed + end) !== 0) bug('an interrupt was delivered after its unbind returned', 'I2')
  store(Guest.base + Guest.seen + end, load(Guest.base + Guest.arrived + end))
}

/** What was lost: the first end that is not closed and has seen less than arrived. At rest. */
export function lostInterrupt(): string | undefined {
  for (let end = 0; end < ENDS; end++) {
    const arrived = load(Guest.base + Guest.arrived + end)
    const seen = load(Guest.base + Guest.seen + end)
    if (seen === arrived || load(Guest.base + Guest.closed + end) !== 0) continue
    return `I1: an interrupt is lost: ${arrived} arrived for end ${end}, the guest was told of ${seen}`
  }
  return undefined
}
