// SPDX-License-Identifier: MIT
/**
 * Device models and guest drivers: the two ends that the machinery serves.
 */
export {}
