// SPDX-License-Identifier: MIT
/** An element of the page. Text becomes a text node and an attribute's value stays one: nothing in them is markup. */
import { h as create, type ComponentChildren, type VNode } from 'preact'

export type { VNode } from 'preact'

type Value = string | number | boolean | undefined | ((event: Event) => void)

export function h(tag: string, attributes: Readonly<Record<string, Value>>, children?: ComponentChildren): VNode {
  return create(tag, attributes, children)
}
