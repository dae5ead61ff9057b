// SPDX-License-Identifier: MIT
/**
 * Lint rule `errno-used`: a call that answers an `Errno` is not a statement of its own. Whoever means to drop a result
 * says so by name: `const ignored = unbind(pirq)` with the reason beside it.
 *
 * `Errno` is known by its brand `__errno`, so that aliases and unions with it count too.
 */
import { ESLintUtils } from '@typescript-eslint/utils'

const brand = '__errno'

export const errnoUsed = ESLintUtils.RuleCreator.withoutDocs({
  meta: {
    type: 'problem',
    schema: [],
    messages: { dropped: 'the errno result of this call is dropped: test it, return it, or say why it cannot matter' },
  },
  defaultOptions: [],
  create(context) {
    const services = ESLintUtils.getParserServices(context)
    const branded = (type) => (type.isUnion() ? type.types.some(branded) : type.getProperty(brand) !== undefined)
    return {
      'ExpressionStatement > CallExpression'(node) {
        if (branded(services.getTypeAtLocation(node))) context.report({ node, messageId: 'dropped' })
      },
    }
  },
})
