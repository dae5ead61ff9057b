// SPDX-License-Identifier: MIT
/** What passthrough-io gets for `@bottomhalf/hvm` when a form is linked: all of it as shipped, but for the way into a guest. */
export * from '@bottomhalf/hvm'
export { hvmPciIntxAssert, hvmPciIntxDeassert, vmsiDeliver } from './guestEnd.js'
