// SPDX-License-Identifier: MIT
/**
 * The closing line of a test run: `N passed, N failed`, summed over the report that each vitest run leaves.
 *
 *     node tools/count-tests.mjs
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { folderOf, presentNames, root } from './layers.mjs'

let passed = 0
let failed = 0
for (const folder of ['.', ...presentNames().map(folderOf)]) {
  const file = join(root, folder, 'test-report.json')
  if (!existsSync(file)) continue
  const report = JSON.parse(readFileSync(file, 'utf8'))
  passed += report.numPassedTests
  failed += report.numFailedTests
  // a file that failed before its first test counts as one failure
  failed += report.testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0).length
}
console.log(`${passed} passed, ${failed} failed`)
