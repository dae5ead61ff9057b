// SPDX-License-Identifier: MIT
/** The package imports by which another form takes the place of a module (DP-15), and the module of production. */
export const imports = {
  '#bindRules': 'src/bindRules.ts',
  '#iterate': 'src/iterate.ts',
  '#pending': 'src/pending.ts',
  '#protocol': 'src/protocolSoftirq.ts',
  '#release': 'src/release.ts',
  '#timeout': 'src/timeout.ts',
}
