// SPDX-License-Identifier: MIT
/**
 * The rules of a source that can be stepped. The README's table and the tests are checked against this one.
 *
 * A rule of `mechanism` sources keeps them runnable by several CPUs over one memory; the others keep the transform
 * sound.
 */
export interface Rule {
  readonly title: string
  readonly instead: string
  readonly mechanism?: true
}

const table = {
  'STEP-0': {
    title: 'the source parses',
    instead: 'mend the syntax',
  },
  'STEP-1': {
    title: 'no shared access at module top level',
    instead: 'do it in a function that boot calls',
  },
  'STEP-2': {
    title: 'no shared access in a constructor',
    instead: 'do it in a method or function that is called after construction',
  },
  'STEP-3': {
    title: 'no shared access in a getter or setter',
    instead: 'write a method',
  },
  'STEP-4': {
    title: 'no shared access in a parameter default',
    instead: 'read it in the body: `if (x === undefined) x = ...`',
  },
  'STEP-5': {
    title: 'no shared access in a destructuring default',
    instead: 'take the value first, then replace undefined in a statement of its own',
  },
  'STEP-6': {
    title: 'no shared access in a class field or static block',
    instead: 'assign it in a method that is called after construction',
  },
  'STEP-7': {
    title: 'no shared access in an async function',
    instead: 'make the function plain, and leave waiting to the engine',
  },
  'STEP-8': {
    title: 'no shared access in a generator',
    instead: 'make it a plain function that takes a `Susp<...>` callback',
  },
  'STEP-9': {
    title: 'no suspending function literal where a plain function is expected',
    instead: 'write a loop, or declare the parameter as `Susp<...>` where it is ours',
  },
  'STEP-10': {
    title: 'no `this`, `super`, `arguments` or `new.target` in a suspending arrow',
    instead: 'take the value into a constant before the arrow',
  },
  'STEP-11': {
    title: 'no optional call of a suspending function',
    instead: 'test it first: `if (f !== undefined) f(x)`',
  },
  'STEP-12': {
    title: 'no `new` of a suspending function',
    instead: 'call it',
  },
  'STEP-13': {
    title: 'no template tagged by a suspending function',
    instead: 'call it with arguments',
  },
  'STEP-14': {
    title: 'no suspending function as a plain value',
    instead: 'type the place that takes it as `Susp<...>`',
  },
  'STEP-15': {
    title: 'no plain function where `Susp<...>` is expected',
    instead: 'wrap it: `(x) => f(x)`',
  },
  'STEP-16': {
    title: 'no suspending method that others call unseen',
    instead: 'give it a name of its own and call it by that name',
  },
  'STEP-17': {
    title: 'no decorators',
    instead: 'call the wrapping function in plain sight',
  },
  'STEP-18': {
    title: 'no namespace of suspending functions as a value',
    instead: 'name the function: `ns.f(x)`, or import it by name',
  },
  'STEP-19': {
    title: 'every import is understood',
    instead: 'build the package that it comes from, or correct the import',
  },
  'STEP-20': {
    title: 'no code that is made or loaded at run time',
    instead: 'import it statically',
  },
  'STEP-30': {
    title: 'no mutable state in a module',
    instead: 'keep it in shared memory (`perCpu`, `global`), or freeze it (`as const`, `Object.freeze`)',
    mechanism: true,
  },
  'STEP-31': {
    title: 'no shared memory but through the machine',
    instead: 'use the operations of the machine',
    mechanism: true,
  },
  'STEP-32': {
    title: 'no async functions, await or generators',
    instead: 'write it as a plain function; the engine stops and resumes it',
    mechanism: true,
  },
} as const satisfies Record<string, Rule>

export type RuleId = keyof typeof table

export const rules: Readonly<Record<RuleId, Rule>> = table
