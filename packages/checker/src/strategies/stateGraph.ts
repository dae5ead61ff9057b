// SPDX-License-Identifier: MIT
/**
 * The graph of states, and whether one can go round in it for ever, fairly.
 *
 * A strongly connected part with an edge is a livelock if every context that is enabled in all of its states takes an
 * edge within it: then going round all of its edges starves nobody.
 */

export interface StateGraph {
  readonly states: number
  readonly edges: number
  readonly from: Int32Array
  readonly label: Uint8Array
  readonly to: Int32Array
  /** Per state: contexts that can go on there. */
  readonly enabled: Int32Array
  /** Contexts that a fair scheduler must let run. */
  readonly mustRun: number
}

/** Choices from state 0 into a fair circle and once round all its edges' contexts; null if there is none. */
export function fairCircle(graph: StateGraph): { labels: number[], who: number } | null {
  const out = outgoing(graph)
  const { component, count } = components(graph, out)
  const took = new Int32Array(count)
  const always = new Int32Array(count).fill(-1)
  for (let edge = 0; edge < graph.edges; edge++) {
    const c = component[graph.from[edge]!]!
    if (c === component[graph.to[edge]!]!) took[c]! |= 1 << graph.label[edge]!
  }
  for (let state = 0; state < graph.states; state++) always[component[state]!]! &= graph.enabled[state]!
  for (let state = 0; state < graph.states; state++) {
    const c = component[state]!
    if (took[c] === 0 || (always[c]! & graph.mustRun & ~took[c]!) !== 0) continue
    return { labels: [...path(graph, out, 0, state, null), ...round(graph, out, state, component)], who: took[c]! }
  }
  return null
}

interface Outgoing { readonly first: Int32Array, readonly edges: Int32Array }

function outgoing({ states, edges, from }: StateGraph): Outgoing {
  const first = new Int32Array(states + 1)
  for (let edge = 0; edge < edges; edge++) first[from[edge]! + 1]!++
  for (let state = 0; state < states; state++) first[state + 1]! += first[state]!
  const next = first.slice()
  const sorted = new Int32Array(edges)
  for (let edge = 0; edge < edges; edge++) sorted[next[from[edge]!]!++] = edge
  return { first, edges: sorted }
}

/** Strongly connected components, by Tarjan's algorithm without recursion. */
function components(graph: StateGraph, out: Outgoing): { component: Int32Array, count: number } {
  const { states, to } = graph
  const component = new Int32Array(states).fill(-1)
  const index = new Int32Array(states)
  const low = new Int32Array(states)
  const at = out.first.slice()
  const stack: number[] = []
  const path: number[] = []
  let next = 0
  let count = 0
  for (let root = 0; root < states; root++) {
    if (index[root] !== 0) continue
    path.push(root)
    while (path.length > 0) {
      const state = path[path.length - 1]!
      if (index[state] === 0) {
        index[state] = low[state] = ++next
        stack.push(state)
      }
      if (at[state]! < out.first[state + 1]!) {
        const target = to[out.edges[at[state]!++]!]!
        if (index[target] === 0) path.push(target)
        else if (component[target] === -1) low[state] = Math.min(low[state]!, index[target]!)
        continue
      }
      path.pop()
      const above = path[path.length - 1]
      if (above !== undefined) low[above] = Math.min(low[above]!, low[state]!)
      if (low[state] !== index[state]) continue
      for (let member = -1; member !== state; component[member] = count) member = stack.pop() ?? state
      count++
    }
  }
  return { component, count }
}

/** Labels of a shortest way between two states, within one component if asked. */
function path(graph: StateGraph, out: Outgoing, start: number, goal: number, within: Int32Array | null): number[] {
  const cameBy = new Int32Array(graph.states).fill(-1)
  const queue = [start]
  for (let i = 0; i < queue.length && (cameBy[goal] === -1) && queue[i] !== goal; i++) {
    const state = queue[i]!
    for (let at = out.first[state]!; at < out.first[state + 1]!; at++) {
      const edge = out.edges[at]!
      const target = graph.to[edge]!
      if (cameBy[target] !== -1 || target === start || (within !== null && within[target] !== within[start])) continue
      cameBy[target] = edge
      queue.push(target)
    }
  }
  const labels: number[] = []
  for (let state = goal; state !== start; state = graph.from[cameBy[state]!]!) labels.push(graph.label[cameBy[state]!]!)
  return labels.reverse()
}

/** Round the component of `start`, over an edge of each context that has one there, and back. */
function round(graph: StateGraph, out: Outgoing, start: number, component: Int32Array): number[] {
  const labels: number[] = []
  let at = start
  let missing = -1
  for (let edge = 0; edge < graph.edges; edge++) {
    const bit = 1 << graph.label[edge]!
    const inside = component[graph.from[edge]!] === component[start] && component[graph.to[edge]!] === component[start]
    if (!inside || (missing & bit) === 0) continue
    missing &= ~bit
    labels.push(...path(graph, out, at, graph.from[edge]!, component), graph.label[edge]!)
    at = graph.to[edge]!
  }
  return [...labels, ...path(graph, out, at, start, component)]
}
