// SPDX-License-Identifier: MIT
/**
 * The layer table as lint rules: one configuration for the sources of each package, one for its tests.
 */
import { folderOf, layers, mayImport, mayUseInTests, mechanism, scope } from '../layers.mjs'

const inside = {
  regex: `^${scope}[^/]+/(src|dist|dist-stepped)(/|$)`, message: 'import a package by its public entries',
}
const foreign = {
  regex: `^(?!${scope}|\\.{1,2}/|#)`, message: 'mechanism packages stand on nothing but packages below them',
}

function only(names, reason) {
  const allowed = names.length > 0 ? `(?!(${names.join('|')})(/|$))` : ''
  return { regex: `^${scope}${allowed}`, message: `not below this package: ${reason} (tools/layers.mjs)` }
}

const restrict = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] })

/** Flat configurations for every package that has a place. */
export function layering() {
  return layers.flatMap((row) => row.packages.flatMap((name) => {
    const pure = mechanism.includes(name) && name !== 'machine'
    const folder = folderOf(name)
    return [
      { files: [`${folder}/src/**/*.ts`],
        rules: restrict(inside, only(mayImport(name), row.reason), ...pure ? [foreign] : []) },
      { files: [`${folder}/test/**/*.ts`],
        rules: restrict(inside, only(mayUseInTests(name), row.reason)) },
    ]
  }))
}
