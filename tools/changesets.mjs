// SPDX-License-Identifier: MIT
/**
 * The next release can be planned from what lies in .changeset: the configuration is sound, every changeset parses and
 * names packages that exist. (`changeset status` asks for a clean work tree and its history too; this does not.)
 *
 *     node tools/changesets.mjs
 */
import planRelease from '@changesets/get-release-plan'
import { root } from './layers.mjs'

const plan = planRelease.default ?? planRelease   // a CommonJS module

try {
  const { releases } = await plan(root)
  const named = releases.filter((release) => release.type !== 'none').length
  console.log(`changesets: the next release covers ${named} packages`)
} catch (error) {
  console.error(`changesets: ${error.message}`)
  process.exitCode = 1
}
