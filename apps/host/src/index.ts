// SPDX-License-Identifier: MIT
/**
 * The reference host: hypervisor, engine, devices and guests wired from a scenario.
 */
export {}
