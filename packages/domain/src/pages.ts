// SPDX-License-Identifier: MIT
/**
 * The pages that a domain owns, by kind: a record for each, no contents. They are what a dying domain has most of, so
 * they are given back a bounded number at a time.
 *
 * @xen xen/common/page_alloc.c (assign_pages, free_domheap_pages), xen/arch/x86/domain.c (relinquish_memory)
 * Contexts  control operations, IF = 1; `domainPagesAdd` and `domainPages` with a reference to the domain.
 * Locks     pageLock, innermost.
 *
 * G1  No page comes to a domain that is dying: dying is looked at under pageLock, and it was set before any page is
 *     given back.
 * G2  A page is given back once: it leaves its list and the count under the lock.
 */
import { EINVAL, ENOMEM, ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { ListHead, listAddTail, listDel, listInit, listLast, listPop } from '@bottomhalf/list'
import { embed, ld, load, ref, st, struct, word, xfree, xmalloc } from '@bottomhalf/machine'
import { lockClass, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { Domain, DOMAIN_ALIVE, PAGE_KINDS, PageList } from './records.js'

/** Pages that are given back before the CPU looks at what else it has to do. */
export const PAGES_PER_STEP = 64

export const Page = struct('Page', {
  // pageLock of the owner:
  node: embed(ListHead),
  // written at creation, constant after:
  owner: ref('Domain'), kind: word,
})

/** Guards the pages of a domain. */
export const pageLockClass = lockClass('domainPages')

/**
 * Give a domain `count` pages more of a kind. -EINVAL: no such kind or number, or the domain is dying. -ENOMEM: nothing
 * has changed.
 */
export function domainPagesAdd(d: Ref<'Domain'>, kind: number, count: number): Errno {
  if (!Number.isInteger(kind) || kind < 0 || kind >= PAGE_KINDS) return -EINVAL
  if (!Number.isInteger(count) || count < 1) return -EINVAL
  spinLock(d + Domain.pageLock)
  const result = load(d + Domain.dying) === DOMAIN_ALIVE ? addLocked(d, kind, count) : -EINVAL    // G1
  spinUnlock(d + Domain.pageLock)
  return result
}

function addLocked(d: Ref<'Domain'>, kind: number, count: number): Errno {
  for (let added = 0; added < count; added++) {
    if (addPageLocked(d, kind)) continue
    for (; added > 0; added--) removeLastLocked(d, kind)
    return -ENOMEM
  }
  return 0
}

function addPageLocked(d: Ref<'Domain'>, kind: number): boolean {
  const page = xmalloc(Page.sizeWords, Page.tag)
  if (page === 0) return false
  st(page + Page.owner, d)
  st(page + Page.kind, kind)
  listAddTail(page + Page.node, pageList(d, kind) + PageList.head)
  countLocked(d, kind, 1)
  return true
}

function removeLastLocked(d: Ref<'Domain'>, kind: number): void {
  const node = listLast(pageList(d, kind) + PageList.head)
  listDel(node)
  countLocked(d, kind, -1)
  xfree(node - Page.node)
}

function countLocked(d: Ref<'Domain'>, kind: number, change: number): void {
  const count = pageList(d, kind) + PageList.count
  st(count, ld(count) + change)
}

/** Number of pages of a kind that the domain owns. */
export function domainPages(d: Ref<'Domain'>, kind: number): number {
  spinLock(d + Domain.pageLock)
  const count = ld(pageList(d, kind) + PageList.count)
  spinUnlock(d + Domain.pageLock)
  return count
}

/** Give back pages of one kind of a dying domain. -ERESTART: there are more. */
export function relinquishPages(d: Ref<'Domain'>, kind: number): Errno {
  for (let given = 0; given < PAGES_PER_STEP; given++) {
    if (!freeOnePage(d, kind)) return 0
  }
  return domainPages(d, kind) > 0 ? -ERESTART : 0
}

function freeOnePage(d: Ref<'Domain'>, kind: number): boolean {
  spinLock(d + Domain.pageLock)
  const node = listPop(pageList(d, kind) + PageList.head)             // G2
  if (node !== 0) countLocked(d, kind, -1)
  spinUnlock(d + Domain.pageLock)
  if (node !== 0) xfree(node - Page.node)
  return node !== 0
}

/** Pages of all kinds. Context: nobody else can reach the domain. */
export function allPages(d: Ref<'Domain'>): number {
  let pages = 0
  for (let kind = 0; kind < PAGE_KINDS; kind++) pages += ld(pageList(d, kind) + PageList.count)
  return pages
}

/** Make the empty lists of a domain. */
export function pagesInit(d: Ref<'Domain'>): void {
  spinLockInit(d + Domain.pageLock, pageLockClass)
  for (let kind = 0; kind < PAGE_KINDS; kind++) listInit(pageList(d, kind) + PageList.head)
}

function pageList(d: Ref<'Domain'>, kind: number): Ref<'PageList'> {
  return d + Domain.pages + kind * PageList.sizeWords
}
