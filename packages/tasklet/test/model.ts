// SPDX-License-Identifier: MIT
/** The reference: what tasklets do, as arrays. */

export type Command =
  { readonly kind: 'schedule', readonly by: number, readonly t: number, readonly cpu: number } |
  { readonly kind: 'kill', readonly by: number, readonly t: number } |
  { readonly kind: 'serve', readonly cpu: number } |
  { readonly kind: 'die', readonly cpu: number } |
  { readonly kind: 'revive', readonly cpu: number }

export class ModelTasklets {
  readonly queues: number[][]
  readonly ran: string[] = []
  readonly #alive: boolean[]
  readonly #dead = new Set<number>()
  readonly #script: readonly Command[]
  #step = 0
  #running = -1
  #wish = -1

  constructor(cpus: number, script: readonly Command[]) {
    this.queues = Array.from({ length: cpus }, () => [])
    this.#alive = this.queues.map(() => true)
    this.#script = script
  }

  do(command: Command): void {
    switch (command.kind) {
      case 'schedule': this.#schedule(command.t, this.#alive[command.cpu] === true ? command.cpu : command.by); return
      case 'kill': this.#kill(command.t); return
      case 'serve': this.#serve(command.cpu); return
      case 'die': this.#die(command.cpu); return
      case 'revive': this.#alive[command.cpu] = true
    }
  }

  #schedule(t: number, cpu: number): void {
    if (this.#dead.has(t)) return
    if (this.#running === t) {
      this.#wish = cpu
    } else {
      this.#unqueue(t)
      this.queues[cpu]?.push(t)
    }
  }

  #kill(t: number): void {
    if (this.#running === t) return
    this.#dead.add(t)
    this.#unqueue(t)
  }

  #serve(cpu: number): void {
    for (let t = this.queues[cpu]?.shift(); t !== undefined; t = this.queues[cpu]?.shift()) {
      this.ran.push(`${t} @ ${cpu}`)
      this.#running = t
      const next = this.#script[this.#step++]
      if (next !== undefined) this.do({ ...next, by: cpu } as Command)
      this.#running = -1
      const wish = this.#wish
      this.#wish = -1
      if (wish >= 0) this.#schedule(t, wish)
    }
  }

  #die(cpu: number): void {
    this.#alive[cpu] = false
    const orphans = this.queues[cpu]?.splice(0) ?? []
    this.queues[0]?.push(...orphans)
  }

  #unqueue(t: number): void {
    for (const queue of this.queues) if (queue.includes(t)) queue.splice(queue.indexOf(t), 1)
  }
}
