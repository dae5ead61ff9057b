// SPDX-License-Identifier: MIT
/**
 * Lint: types used strictly, layers kept, mechanism packages pure, one way of laying out a line.
 *
 * `no-restricted-syntax` is set by the last block that matches a file, so each block lists all that holds there.
 */
import { join } from 'node:path'
import js from '@eslint/js'
import stylistic from '@stylistic/eslint-plugin'
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import { importX } from 'eslint-plugin-import-x'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { allNames, folderOf, mechanism, root } from './tools/layers.mjs'
import { errnoUsed } from './tools/lint/errno-used.mjs'
import { layering } from './tools/lint/layering.mjs'
import { honestTests, noModuleState, noPlatform, nonNullIndexOnly, straightCode } from './tools/lint/mechanism.mjs'

const sourcesOf = (names) => names.map((name) => `packages/${name}/src/**/*.ts`)
const pure = mechanism.filter((name) => name !== 'machine')   // where the platform begins
const restrictSyntax = (...lists) => ({ 'no-restricted-syntax': ['error', ...lists.flat()] })

const nodeGlobals = ['process', 'console', 'Buffer', 'URL', 'performance', 'setTimeout', 'clearTimeout', 'setInterval',
  'clearInterval', 'setImmediate', 'WebAssembly']

const layout = {
  '@stylistic/semi': ['error', 'never'],
  '@stylistic/quotes': ['error', 'single', { avoidEscape: true, allowTemplateLiterals: 'avoidEscape' }],
  '@stylistic/indent': ['error', 2, { SwitchCase: 1, flatTernaryExpressions: true, offsetTernaryExpressions: false,
    ignoredNodes: ['ConditionalExpression', 'TSUnionType', 'TSConditionalType'] }],
  '@stylistic/max-len': ['error', { code: 120, ignoreComments: true, ignoreStrings: true, ignoreTemplateLiterals: true,
    ignoreRegExpLiterals: true, ignoreUrls: true }],
  '@stylistic/no-trailing-spaces': 'error',
  '@stylistic/eol-last': 'error',
  '@stylistic/no-tabs': 'error',
  '@stylistic/no-multiple-empty-lines': ['error', { max: 1, maxBOF: 0, maxEOF: 0 }],
  '@stylistic/arrow-spacing': 'error',
  '@stylistic/comma-spacing': 'error',
  '@stylistic/keyword-spacing': 'error',
  '@stylistic/object-curly-spacing': ['error', 'always'],
  '@stylistic/space-before-blocks': 'error',
  '@stylistic/space-infix-ops': 'error',
  '@stylistic/type-annotation-spacing': 'error',
}

export default defineConfig(
  { ignores: ['**/dist/', '**/dist-stepped/', '**/coverage/', '**/.turbo/', '**/test/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { plugins: { '@stylistic': stylistic }, rules: layout },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: root } },
    plugins: { 'import-x': importX, local: { rules: { 'errno-used': errnoUsed } } },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({
        project: join(root, 'tsconfig.json'),
      })],
    },
    rules: {
      'local/errno-used': 'error',
      'import-x/no-self-import': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression':
        ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',   // see nonNullIndexOnly
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  ...allNames.map((name) => ({
    files: [`${folderOf(name)}/**/*.ts`],
    rules: {
      'import-x/no-extraneous-dependencies': ['error', {
        devDependencies: ['**/test/**', '**/bench/**', '**/*.config.ts'],
        packageDir: [join(root, folderOf(name)), root],
      }],
    },
  })),
  ...layering(),
  {
    files: ['{packages,apps}/*/src/**/*.ts'],
    rules: {
      'import-x/no-default-export': 'error',
      'import-x/no-relative-packages': 'error',
      ...restrictSyntax(nonNullIndexOnly),
    },
  },
  {
    files: sourcesOf(pure),
    rules: { ...noPlatform, ...restrictSyntax(nonNullIndexOnly, straightCode, noModuleState) },
  },
  { files: ['packages/base/src/bug.ts'], rules: restrictSyntax(nonNullIndexOnly, noModuleState) },   // the one throw
  { files: ['packages/hypervisor/src/frontDoor.ts'], rules: restrictSyntax(nonNullIndexOnly, noModuleState) },   // N1 there
  { files: ['**/test/**/*.{ts,mjs}'], rules: restrictSyntax(honestTests) },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])) },
  },
)
