// SPDX-License-Identifier: MIT
/** Mutants that nothing kills, each with the reason. One that is killed after all has no place here. */
import type { Mutant } from './mutate.js'

interface Survivor extends Pick<Mutant, 'what' | 'where' | 'statement'> { readonly why: string }

const CANCEL_SPARES_A_WAIT = 'a run that was not cancelled finds no flags and delivers nothing (RB1), pays the reference, and a fresh bind ' +
  'and the teardown wait for it (BR1, RB3): a cancel spares them the wait'

const survivors: readonly Survivor[] = [
  { what: 'off', where: 'dpciReset', statement: 'const before = fetchAnd(dpci + STATE, ~(DPCI_SCHED | DPCI_MASKED))',
    why: CANCEL_SPARES_A_WAIT },
  { what: 'off', where: 'endBinding', statement: 'dpciReset(dpci)', why: CANCEL_SPARES_A_WAIT },
  { what: 'off', where: 'takeList', statement: 'irqDisable()',
    why: 'the softirq is never pending with an empty list (P4), and a record that an interrupt links to the chain that is being ' +
      'taken is served with it; only a softirq raised for nothing would need IF = 0 here' },
  { what: 'off', where: 'whyNotBind', statement: 'return isFresh && dpciActive(dpci) ? -ERESTART : 0',
    why: 'this protocol bears a bind of a record that is not at rest: a run of the binding before finds MASKED off, an arrival ' +
      'finds the record linked or links it (P1); the rule is for every protocol in its place, as U1 and U2 of E2 show' },
]

/** Why a mutant survives; undefined if nobody knows. */
export function whySurvives(mutant: Pick<Mutant, 'what' | 'where' | 'statement'>): string | undefined {
  const isSame = (each: Survivor): boolean =>
    each.what === mutant.what && each.where === mutant.where && each.statement === mutant.statement
  return survivors.find(isSame)?.why
}
