// SPDX-License-Identifier: MIT
import { defineConfig } from 'vitest/config'

const project = (name: string, kind: string) => ({ extends: true as const, test: { name, include: [`tools/test/**/*.${kind}.mjs`] } })

// Tests of the tools, and in `npm run check` those that take their time; packages have configs of their own.
export default defineConfig({
  test: {
    projects: [project('tools', 'test'), project('check', 'check')],
    testTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
  },
})
