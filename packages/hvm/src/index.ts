// SPDX-License-Identifier: MIT
/**
 * Virtual interrupt controllers and delivery to a guest.
 */
export {}
