// SPDX-License-Identifier: MIT
/**
 * Domains and vCPUs: references, teardown and the records they own.
 */
export {}
