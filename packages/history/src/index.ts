// SPDX-License-Identifier: MIT
/** @bottomhalf/history: the forms of the passthrough protocol, what is wrong with each, and the models that show it. */
export { checkModel, exploreOptions, fileOf, HistoryError, modelNamed, valuesOf } from './check.js'
export type { ModelCheck, ModelVerdict } from './check.js'
export { defects, notChecked } from './defects.js'
export type { Defect } from './defects.js'
export { forms } from './forms.js'
export type { Form } from './forms.js'
export { models } from './models.js'
export type { ModelEntry, ModelOptions, ModelParameter } from './models.js'
export { checkProtocol, newProtocol } from './protocol.js'
export type { ProtocolCell, ProtocolOptions } from './protocol.js'
export { historyTable } from './table.js'
export type { Cell, TableOptions } from './table.js'
