// SPDX-License-Identifier: MIT
/** Both builds of one source are one program: the same value, the same accesses in the same order, the same memory. */
import { describe, expect, test } from 'vitest'
import { load, packageWith, PRELUDE } from './support.js'
import type { Outcome } from './support.js'

const entry = `export { drive, log, words } from '@fixture/machine'\nexport * as subject from './subject.js'\n`

async function both(source: string): Promise<{ native: Outcome, stepped: Outcome }> {
  const root = packageWith({ 'src/index.ts': entry, 'src/subject.ts': PRELUDE + source })
  const native = (await load(root, 'native')).run('f')
  const stepped = (await load(root, 'stepped')).run('f')
  return { native, stepped }
}

interface Example { readonly title: string, readonly source: string }

const examples: readonly Example[] = [
  {
    title: 'order of evaluation: operands, arguments, elements, properties, templates, compound assignment',
    source: `export function f(): unknown {
      let x = 5
      const bump = () => { x = add(1, 1) + 10; return x }
      const sum = x + bump() * x + ld(1)
      const list = [ld(1), ...[add(1, 2), bump()], x]
      const object = { a: add(2, 1), [\`k\${ld(1)}\`]: bump(), x }
      x += bump() + ld(1)
      list[add(3, 1)] += ld(1)
      object.a ||= ld(9)
      object.a &&= add(4, 4)
      return [sum, list, object, x, \`\${ld(1)}-\${bump()}-\${x}\`]
    }`,
  },
  {
    title: 'short circuits and choices touch only what they choose',
    source: `export function f(): unknown {
      const a = ld(0) && add(1, 1) || add(2, 1)
      const b = (ld(2) ? add(3, 1) : add(4, 1)) ?? add(5, 1)
      const c = ld(9) || ld(8) || null
      return [a, b, c ?? add(6, 1), ld(1) === 0 ? 'x' : add(7, 7)]
    }`,
  },
  {
    title: 'loops, labels, switch and fall-through',
    source: `export function f(): unknown {
      let n = 0
      outer: for (let i = 0; i < add(1, 1); i++) {
        for (const k of [1, 2, 3]) {
          switch ((ld(1) + k) % 4) {
            case 0: continue outer
            case 1: n += add(2, k)
            case 2: { n++; break }
            default: if (n > 20) break outer
          }
        }
        if (i > 8) break
      }
      do n += 2
      while (add(3, 1) < 4)
      while (ld(3) > 0) add(3, -1)
      for (const key in { p: 1, q: 2 }) n += key.length + ld(3)
      return n
    }`,
  },
  {
    title: 'try, catch and finally, with returns out of each',
    source: `const risky = (n: number): number => { if (add(1, 1) === n) throw new Error('at ' + n); return ld(1) }
    const inner = (n: number): number => {
      for (const k of [1, 2]) {
        try {
          if (risky(n) > k) return add(2, 1)
        } catch (error) {
          st(3, k)
          if (k === 2) throw error
        } finally {
          add(4, 1)
          if (n === 7) break
        }
      }
      return -1
    }
    export function f(): unknown {
      const seen: unknown[] = []
      for (let n = 0; n < 9; n++) try { seen.push(inner(n)) } catch (error) { seen.push(String(error)) }
      return seen
    }`,
  },
  {
    title: 'closures, a binding per turn, recursion, and functions called before they stand',
    source: `export function f(): unknown {
      const late: Susp<() => number>[] = []
      let n = 0, first: Susp<() => void> = () => { n += ld(1) }
      [n] = [add(1, 2)]
      first()
      for (let i = 0; i < 3; i++) late.push(() => add(1, i) + i)
      const all = []
      for (const each of late) all.push(each())
      return [all, fib(6), inside(2), n]
      function inside(n: number): number { return n === 0 ? ld(1) : add(2, n) + inside(n - 1) }
    }
    function fib(n: number): number { return n < 2 ? add(3, 1) : fib(n - 1) + fib(n - 2) }`,
  },
  {
    title: 'callbacks through Susp, functions given by name, methods of tables',
    source: `interface Ops { start: Susp<(x: number) => number>, readonly stop?: Susp<() => void> }
    const ops: Ops = { start(x) { return add(x, 1) }, stop: () => { st(1, 7) } }
    const quiet: Ops = { start: double }
    function double(x: number): number { return x * 2 }
    const each = <T>(items: readonly T[], fn: Susp<(item: T) => boolean | void>): void => {
      for (const item of items) if (fn(item)) return
    }
    export function f(): unknown {
      let n = 0
      each([1, 2, 3], (x) => { n += ops.start(x) + quiet.start(x); return x === 2 })
      each([4], (x) => double(x) > 7)
      const { stop } = ops
      if (stop !== undefined) stop()
      return [n, double(3), call(double, 4), call((x) => ld(x), 1), quiet.stop === undefined]
    }`,
  },
  {
    title: 'classes: methods, private methods, inheritance, super, static, fields in between',
    source: `abstract class Base {
      count = 0
      abstract visit(x: number): number
      run(x: number) { this.count++; return this.visit(x) + this.own() }
      own() { return 1 }
    }
    class Plain extends Base { visit(x: number) { return x } }
    class Reading extends Base {
      at = 3
      visit(x: number) { return add(this.at, x) }
      override own() { return super.own() + this.#more() }
      #more() { return ld(this.at) }
      static make() { st(2, 2); add(3, 4); return new Reading() }
    }
    export function f(): unknown {
      const made = Reading.make()
      const all: Base[] = [new Plain(), made]
      let n = 0
      for (const each of all) n += each.run(5)
      return [n, made.count]
    }`,
  },
  {
    title: 'destructuring, spread and iteration around steps',
    source: `export function f(): unknown {
      const [a, b = 4, ...rest] = [add(1, 1), undefined, add(1, 1), ld(1)]
      const { x, ...others } = { x: ld(1), y: add(1, 1) }
      let c = 0, d = 0
      ;[c, d] = [add(2, 1), ld(2)]
      for (const [k, v] of Object.entries({ p: ld(2), q: add(2, 2) })) st(v, k.length)
      return [a, b, rest, x, others, c, d, Math.max(...[ld(1), ld(2)])]
    }`,
  },
]

describe('both builds of one source are one program', () => {
  for (const { title, source } of examples) {
    test(title, async () => {
      const { native, stepped } = await both(source)
      expect(native.thrown).toBeUndefined()
      expect(native.log.length).toBeGreaterThan(3)
      expect(stepped).toEqual(native)
    })
  }

  test('the comparison sees a step whose value is lost', async () => {
    const source = 'export const f = () => { st(1, 5); return [ld(1), ld(1), ld(1), ld(1)] }'
    const root = packageWith({ 'src/index.ts': entry, 'src/subject.ts': PRELUDE + source })
    const native = (await load(root, 'native')).run('f')
    const broken = (await load(root, 'stepped', {}, (code) => code.replaceAll('yield :', '(yield, 0) :'))).run('f')
    expect(broken).not.toEqual(native)
  })
})
