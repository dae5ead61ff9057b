// SPDX-License-Identifier: MIT
/** Sources and their stepped form, letter by letter. `R` in the form stands for `? yield : __stepResult()`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PRELUDE, stepped, transform } from './support.js'

interface Golden { readonly title: string, readonly source: string, readonly becomes: string }

const golden: readonly Golden[] = [
  {
    title: 'an access is a step, and its arguments stay inside it',
    source: 'export function f(p: number): void { const x = st(p, ld(p) + 1); return x }',
    becomes: 'export function* f(p: number): void { const x = (st(p, (ld(p) R) + 1) R); return x }',
  },
  {
    title: 'a call of what suspends delegates, and its caller suspends too',
    source: `
function g(p: number) { return ld(p) }
export const f = (p: number): number => g(g(p))`,
    becomes: `
function* g(p: number) { return (ld(p) R) }
export const f = (function* (p: number): number { return ( (yield* g((yield* g(p))))) });`,
  },
  {
    title: 'functions that reach no access stay as they are',
    source: 'export function f(p: number) { return [p].map((x) => x + 1).at(0)! + g(p) }\nconst g = (x: number) => x',
    becomes: 'export function f(p: number) { return [p].map((x) => x + 1).at(0)! + g(p) }\nconst g = (x: number) => x',
  },
  {
    title: 'E2: in a list, a statement that begins with a step gets a semicolon before it',
    source: `
export function f(p: number) {
  const a = p
  ld(a)
  ld(a) + 1
  g(p)
}
function g(p: number) { ld(p) }`,
    becomes: `
export function* f(p: number) {
  const a = p
  ;(ld(a) R)
  ;(ld(a) R) + 1
  ;(yield* g(p))
}
function* g(p: number) { ;(ld(p) R) }`,
  },
  {
    title: 'E2: nowhere else, where an empty statement would be the body',
    source: `
export function f(p: number) {
  if (p) ld(p)
  else ld(1)
  for (;;) ld(2)
  x: ld(3)
  do ld(4)
  while (p)
}`,
    becomes: `
export function* f(p: number) {
  if (p) (ld(p) R)
  else (ld(1) R)
  for (;;) (ld(2) R)
  x: (ld(3) R)
  do (ld(4) R)
  while (p)
}`,
  },
  {
    title: 'E2: the clauses of a switch are lists',
    source: `
export function f(p: number) {
  switch (ld(p)) {
    case ld(1):
      ld(2)
    default: ld(3)
  }
}`,
    becomes: `
export function* f(p: number) {
  switch ((ld(p) R)) {
    case (ld(1) R):
      ;(ld(2) R)
    default: ;(ld(3) R)
  }
}`,
  },
  {
    title: 'arrows become generator expressions, whatever their body looks like',
    source: `
export const a: Susp<(x: number) => unknown> = x => ({ x })
export const b: Susp<() => number> = () =>
  // why
  ld(1)
export const c: Susp<(x?: number) => void> = (x = 2) => { ld(x) }
export const d: Susp<<T>(x: T) => T> = <T>(x: T): T => x`,
    becomes: `
export const a: Susp<(x: number) => unknown> = (function* (x) { return ( ({ x })) });
export const b: Susp<() => number> = (function* () { return (
  // why
  (ld(1) R)) });
export const c: Susp<(x?: number) => void> = (function* (x = 2)  { ;(ld(x) R) });
export const d: Susp<<T>(x: T) => T> = (function* <T>(x: T): T { return ( x) });`,
  },
  {
    title: 'E3: what ended with an arrow ends with a semicolon, once, and what goes on goes on',
    source: `
export class C {
  f: Susp<() => void> = () => { ld(1) }
  ['g'] = 1
}
export function f(g: Susp<() => Susp<() => void>>, h: number[]) {
  if (h.length > 3) g = () => () => { ld(2) }
  else h = [1]
  g = () => () => {}
  [h[0]] = [1]
  const a: [Susp<() => void>, number] = [() => {}, 2], b: Susp<() => void> = () => {}
  return [a, b]
}`,
    becomes: `
export class C {
  f: Susp<() => void> = (function* ()  { ;(ld(1) R) });
  ['g'] = 1
}
export function f(g: Susp<() => Susp<() => void>>, h: number[]) {
  if (h.length > 3) g = (function* () { return ( (function* ()  { ;(ld(2) R) })) });
  else h = [1]
  g = (function* () { return ( (function* ()  {})) });
  [h[0]] = [1]
  const a: [Susp<() => void>, number] = [(function* ()  {}), 2], b: Susp<() => void> = (function* ()  {});
  return [a, b]
}`,
  },
  {
    title: 'methods get a star, and a semicolon where a field stands before',
    source: `
export class Q {
  n = 1
  push() { ld(this.n) }
  static make() { ld(1) }
  #own() { this.push() }
  run() { this.#own() }
}`,
    becomes: `
export class Q {
  n = 1
  ;*push() { ;(ld(this.n) R) }
  static *make() { ;(ld(1) R) }
  ;*#own() { ;(yield* this.push()) }
  ;*run() { ;(yield* this.#own()) }
}`,
  },
  {
    title: 'overloads and declarations have no star',
    source: `
export function f(p: number): number
export function f(p: string): number
export function f(p: number | string): number { return ld(Number(p)) }
declare function g(): void`,
    becomes: `
export function f(p: number): number
export function f(p: string): number
export function* f(p: number | string): number { return (ld(Number(p)) R) }
declare function g(): void`,
  },
  {
    title: 'what types add around a call stays around it',
    source: `
export function f(h: (Susp<() => number> | undefined)[]) {
  return (h[0]!() as number) + h[1]!()! + (call<number>((x) => x, 1) satisfies number)
}`,
    becomes: `
export function* f(h: (Susp<() => number> | undefined)[]) {
  return ((yield* h[0]!()) as number) + (yield* h[1]!())! + `
      + '((yield* call<number>((function* (x) { return ( x) }), 1)) satisfies number)\n}',
  },
  {
    title: 'a function called where it is written delegates',
    source: `
export function f(p: number) {
  return (() => ld(p))() + (function () { return ld(p) })()
}`,
    becomes: `
export function* f(p: number) {
  return (yield* ((function* () { return ( (ld(p) R)) }))()) + (yield* (function* () { return (ld(p) R) })())
}`,
  },
]

for (const { title, source, becomes } of golden) {
  test(title, () => {
    expect(stepped(source)).toBe(becomes.replaceAll(' R)', ' ? yield : __stepResult())'))
  })
}

test('the name of the result gives way to one in the source', () => {
  const { files } = transform({ 'src/index.ts': `${PRELUDE}export function f(__stepResult: number) { return ld(__stepResult) }` })
  const [edited] = [...files.values()]
  expect(edited?.code).toContain('import { stepResult as ___stepResult } from')
  expect(edited?.code).toContain('return (ld(__stepResult) ? yield : ___stepResult())')
})

test('E4: the import joins the line of the first statement, comments stay above', () => {
  const source = `// first\n/** second */\n${PRELUDE}\nexport const f = (p: number) => ld(p)\n`
  const { files } = transform({ 'src/index.ts': source })
  const [code] = [...files.values()].map((each) => each.code.split('\n'))
  expect(code).toHaveLength(source.split('\n').length)
  expect(code?.[2]).toBe(`import { stepResult as __stepResult } from '@fixture/machine'; ${PRELUDE}`)
})

test('the example of the README is what comes out', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, example = ''] = /```ts\n(\/\/ as written[^`]*)```/.exec(readme) ?? []
  const columns = example.split('\n').map((line) => [line.slice(0, 52).trimEnd(), line.slice(52)] as const)
  const names = ['cmpxchg', 'awaitWord', 'ld', 'st', 'store']
  const declared = names.map((name) => `export declare function ${name}(...args: number[]): number`).join('\n')
  const imports = `import { ${names.join(', ')} } from './machine.js'\ndeclare const AWAIT_EQ: number\n`
  const { files, root } = transform({
    'src/index.ts': imports + columns.map(([written]) => written).join('\n'),
    'src/machine.ts': declared,
  }, { access: { './src/machine.ts': { access: names, suspends: [] } } })
  const code = files.get(join(root, 'src/index.ts'))?.code.split('\n').slice(3)
  expect(code).toHaveLength(12)
  expect(code).toEqual(columns.map(([, becomes]) => becomes).slice(1))
})
