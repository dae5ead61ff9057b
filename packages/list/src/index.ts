// SPDX-License-Identifier: MIT
/** @bottomhalf/list: intrusive doubly linked lists in shared memory. */
export {
  containerOf, LIST_POISON_NEXT, LIST_POISON_PREV, listAdd, listAddTail, listBulkMoveTail, listCutBefore,
  listCutPosition, listDel, listDelInit, listEmpty, listFirst, listForEach, listForEachReverse, ListHead, listInit,
  listIsFirst, listIsLast, listIsQueued, listIsSingular, listLast, listLength, listMove, listMoveTail, listNext,
  listPop, listPrev, listReplace, listReplaceInit, listRotateLeft, listSplice, listSpliceInit, listSpliceTail,
  listSpliceTailInit, listSwap,
} from './list.js'
export type { ListVisitor } from './list.js'
