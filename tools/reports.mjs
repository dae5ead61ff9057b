// SPDX-License-Identifier: MIT
/** The reports that vitest runs leave: what they are called, by turbo task, and where they lie. */
import { join } from 'node:path'
import { folderOf, presentNames, root } from './layers.mjs'

const names = ['test-report.json', 'stress-report.json', 'models-report.json']

/** All files in which a report may lie. */
export function reportFiles() {
  return ['.', ...presentNames().map(folderOf)].flatMap((folder) => names.map((name) => join(root, folder, name)))
}
