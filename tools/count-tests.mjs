// SPDX-License-Identifier: MIT
/**
 * The closing line of a test run: `N passed, N failed`, summed over the report that each vitest run leaves.
 *
 *     node tools/count-tests.mjs
 */
import { existsSync, readFileSync } from 'node:fs'
import { reportFiles } from './reports.mjs'

let passed = 0
let failed = 0
for (const file of reportFiles().filter(existsSync)) {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  passed += report.numPassedTests
  failed += report.numFailedTests
  const unstarted = (file) => file.status === 'failed' && file.assertionResults.length === 0
  failed += report.testResults.filter(unstarted).length   // a file that failed before its first test
}
console.log(`${passed} passed, ${failed} failed`)
