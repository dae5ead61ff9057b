// SPDX-License-Identifier: MIT
/** Random programs in the subset that both builds know: expressions with effects in every place, all control flow. */
import fc from 'fast-check'

type Text = fc.Arbitrary<string>

const names = ['a', 'b', 'c', 'd']
const name = fc.constantFrom(...names)
const literal = fc.integer({ min: 0, max: 9 }).map(String)

/** Parts joined: `join\`ld(${e})\`` is the arbitrary of that text. */
function join(parts: TemplateStringsArray, ...holes: readonly Text[]): Text {
  return fc.tuple(...holes).map((texts) => parts.reduce((text, part, i) => text + (texts[i - 1] ?? '') + part))
}

const grammar = fc.letrec((tie) => {
  const e = tie('expression') as Text
  const effect = tie('effect') as Text
  const s = tie('statement') as Text
  const block = tie('block') as Text
  const operator = fc.constantFrom('+', '-', '*', '^', '<', '===', '&&', '||', ',', '%')
  const assignment = fc.constantFrom('=', '+=', '-=', '^=', '||=', '&&=')
  const size = { depthSize: 'xsmall', withCrossShrink: true } as const
  return {
    effect: fc.oneof(
      size,
      join`ld(${literal})`, join`ld(${e})`, join`add(${e}, ${e})`, join`st(${e}, ${e})`, join`cas(${e}, ${e}, ${e})`,
      join`call((x) => ${e}, ${e})`, join`twice((x) => ${e})`, join`helper(${e}, ${e})`,
      join`${name} ${assignment} ${e}`, join`tables.${fc.constantFrom('one', 'two')}(${e})`,
    ),
    expression: fc.oneof(
      size,
      literal, name, join`(${effect})`, join`(${e} ${operator} ${e})`, join`(${e} ? ${e} : ${e})`, join`(- ${e})`,
      join`${name}++`, join`--${name}`, join`((x) => x + ${e})(${e})`, join`(function (x) { ${s}\nreturn x })(${e})`,
      join`\`\${${e}}-\${${e}}\`.length`, join`[${e}, ${e}][${e} & 1]`, join`({ p: ${e}, q: ${e} }).q`,
      join`Math.max(...[${e}, ${e}], ${e})`, join`(${e} ?? ${e})`, join`[${e}].map((x) => x + 1).length`,
    ),
    statement: fc.oneof(
      size,
      effect, effect, join`{\nconst y = ${e}\n${name} += y\nst(y, 1)\n}`,
      join`if (${e}) ${s}\nelse ${s}`, join`if (${e}) ${effect}`,
      join`for (let i = ${e}; i < ${e} && fuel-- > 0; i++) ${block}`, join`while (fuel-- > 0 && ${e} < 3) ${block}`,
      join`do ${effect}\nwhile (fuel-- > 0 && ${e} < 3)`, join`for (const x of [${e}, ${e}]) ${block}`,
      join`switch (${e} % 3) {\ncase 0: ${s}\ncase ${e}: ${s}\nbreak\ndefault:\n${s}\n}`, labelled(e, effect),
      join`try ${block} catch (error) {\nb = String(error).length\n${s}\n} finally ${block}`,
      join`if (${e} === 4) throw new Error('at ' + ${e})`, join`if (${e} === 5) return ${e}`,
      join`{\n[a, b] = [${e}, ${e}]\n}`, join`later.push(() => ${e})`,
      join`for (const each of later.splice(0)) c += each()`,
      block,
    ),
    block: join`{\n${s}\n${s}\n}`,
  }
})

function labelled(e: Text, effect: Text): Text {
  const inner = join`for (const y of [${e}, x]) {\nif (${e}) continue outer\nif (${e} > y) break outer\n${effect}\n}`
  return join`outer: for (const x of [1, 2, ${e}]) {\n${inner}\n${effect}\n}`
}

/** A function body over a, b, c, d and fuel. */
export const body: Text = fc.array(grammar.statement, { minLength: 2, maxLength: 5 }).map((lines) => lines.join('\n'))

const shared = `
interface Tables { readonly one: Susp<(x: number) => any>, readonly two: Susp<(x: number) => any> }
const tables: Tables = { one: (x) => add(x, 1), two(x) { return x - ld(1) } }
const helper = (x: any, y: any): any => x > y ? ld(x) : y
const twice = (fn: Susp<(x: number) => any>): any => fn(1) + fn(2)
`

/** A module that exports one function per body. */
export function moduleOf(bodies: readonly string[]): string {
  const functions = bodies.map((text, i) => [
    `export function f${i}(): any {`, 'let a: any = 1, b: any = 2, c: any = 3, d: any = 4, fuel = 60',
    'const later: Susp<() => any>[] = []', text, 'return [a, b, c, d, fuel]', '}',
  ].join('\n'))
  return shared + functions.join('\n')
}
