// SPDX-License-Identifier: MIT
/** The task of a pool: its argument back. */
export default (value) => value
