// SPDX-License-Identifier: MIT
import { defineConfig } from 'vitest/config'

// Tests of the tools; packages have configs of their own.
export default defineConfig({
  test: {
    include: ['tools/test/**/*.test.mjs'],
    testTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
  },
})
