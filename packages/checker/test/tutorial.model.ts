// SPDX-License-Identifier: MIT
import { AWAIT_EQ, awaitWord, global, ld, st, store, word } from '@bottomhalf/machine'
import { defineModel } from '../src/index.js'

const Mailbox = global('mailbox', { full: word, letter: word, got: word })

function send(letter: number): void {
  awaitWord(Mailbox.base + Mailbox.full, AWAIT_EQ, 0)
  st(Mailbox.base + Mailbox.letter, letter)
  store(Mailbox.base + Mailbox.full, 1)                  // publishes the letter
}

function receive(): number {
  awaitWord(Mailbox.base + Mailbox.full, AWAIT_EQ, 1)
  const letter = ld(Mailbox.base + Mailbox.letter)
  store(Mailbox.base + Mailbox.full, 0)                  // gives the box back
  return letter
}

export const mailbox = defineModel({
  name: 'mailbox', cpus: 2,
  threads: [
    { name: 'sender', run: () => { for (const letter of [1, 2]) send(letter) } },
    { name: 'receiver', run: () => { st(Mailbox.base + Mailbox.got, receive() * 10 + receive()) } },
  ],
  atRest: () => ld(Mailbox.base + Mailbox.got) === 12 ? undefined : 'a letter is lost',
})
