// SPDX-License-Identifier: MIT
/**
 * What tests of many packages share.
 */
export {}
