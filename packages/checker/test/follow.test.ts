// SPDX-License-Identifier: MIT
/** A schedule's choices on code that is not its own. */
import { describe, expect, it } from 'vitest'
import { checkProgram } from '../src/check.js'
import { follow } from '../src/follow.js'
import { program } from './helpers.js'

const text = ['prog t', 'base 0', 'rd a x', 'wr x a+1', 'base 1', 'rd b x', 'wr x b+1', 'rd c x', 'assert c == 2', 'end'].join('\n')
const { schedule } = checkProgram(program(text))

describe('FO1', () => {
  it('FO1: on its own code it is the execution that was saved', () => {
    expect(follow(program(text), schedule!)).toEqual({ differsAt: null, violation: schedule!.violation })
  })

  it('FO1: on other code it says where that does something else, and goes on to its end', () => {
    const other = text.replace('wr x b+1', 'wr x 2')
    const { differsAt, violation } = follow(program(other), schedule!)
    expect(differsAt).toBeGreaterThanOrEqual(0)
    expect(violation).toBeNull()
  })

  it('FO1: whose turn cannot be taken is left out: a context that has ended before', () => {
    expect(follow(program(text.replace('rd c x\nassert c == 2\n', '')), schedule!).violation).toBeNull()
  })

  it('a program with other contexts is refused', () => {
    expect(() => follow(program(text.replace('base 1', 'base 2')), schedule!)).toThrow('the program has contexts')
  })
})
