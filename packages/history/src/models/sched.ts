// SPDX-License-Identifier: MIT
/** What passthrough-io gets for `@bottomhalf/sched` when a form is linked: nobody is scheduled, the guest is always current. */
export * from '@bottomhalf/sched'
export { currentVcpu } from './world.js'
