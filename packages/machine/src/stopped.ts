// SPDX-License-Identifier: MIT
/** The operation was unwound because the machine stops. Engines catch it at the foot of a CPU's stack. */
export class MachineStopped extends Error {
  override readonly name = 'MachineStopped'
}
