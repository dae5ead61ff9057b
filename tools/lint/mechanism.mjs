// SPDX-License-Identifier: MIT
/**
 * What mechanism packages must not contain: whatever would tie them to a platform, to a clock that no engine owns, or
 * to control flow that cannot be stopped before a shared access.
 *
 * Deliberately absent: the finer rules of the stepped form. The build of `@bottomhalf/stepping` knows those, with
 * types.
 */

const throughMachine = 'mechanism code reaches the platform through @bottomhalf/machine only'
const platform = [
  'process', 'console', 'globalThis', 'Buffer', 'require', 'fetch', 'WebAssembly', 'structuredClone',
  'Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask',
  'Atomics', 'SharedArrayBuffer', 'ArrayBuffer', 'Int32Array', 'Uint32Array', 'Float64Array', 'DataView',
  'Promise', 'Worker', 'MessageChannel', 'eval',
]

export const noPlatform = {
  'no-restricted-globals': ['error', ...platform.map((name) => ({ name, message: throughMachine }))],
  'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: throughMachine }],
}

const topLevel = (selector) => [`Program > ${selector}`, `Program > ExportNamedDeclaration > ${selector}`].join(', ')

/** For `no-restricted-syntax`. */
export const straightCode = [
  { selector: 'ThrowStatement, TryStatement',
    message: 'mechanism code answers an errno, or stops the machine with bug(): no throw, no try' },
  { selector: ':function[async=true], AwaitExpression, ForOfStatement[await=true]',
    message: 'mechanism code is synchronous: an engine decides who waits' },
  { selector: ':function[generator=true]',
    message: 'generators are what the stepped build makes: write a plain function' },
]

/** For `no-restricted-syntax`: state lives in shared memory. */
export const noModuleState = [
  { selector: topLevel('VariableDeclaration[kind!="const"]'),
    message: 'no mutable module state: each thread would have its own; declare a global() or perCpu() area' },
  { selector: topLevel('VariableDeclaration > VariableDeclarator > BinaryExpression > MemberExpression[property.name="base"]'),
    message: 'an area has no place yet when its module is loaded: compute the address where it is used' },
]

/** For `no-restricted-syntax`, everywhere: `!` says "this index is in range" and nothing else. */
export const nonNullIndexOnly = [
  { selector: 'TSNonNullExpression:not([expression.type="MemberExpression"][expression.computed=true])',
    message: '`!` is for elements of arrays that are in range by construction; test anything else' },
]

const testCall = '/^(it|test|describe|suite)$/'

/** For `no-restricted-syntax` in tests. */
export const honestTests = [
  { selector: `MemberExpression[object.name=${testCall}][property.name=/^(only|skip|todo|fails)$/]`,
    message: 'no .only, .skip, .todo, .fails: a test runs and holds, or it goes' },
  { selector: `MemberExpression[object.object.name=${testCall}][property.name=/^(only|skip|todo|fails)$/]`,
    message: 'no .only, .skip, .todo, .fails: a test runs and holds, or it goes' },
  { selector: `CallExpression[callee.name=${testCall}] > Literal.arguments:first-child[value=/\\bshould\\b/]`,
    message: 'a test name is a claim with its label, not a wish' },
]
