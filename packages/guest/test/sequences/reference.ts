// SPDX-License-Identifier: MIT
/**
 * What a machine must answer and serve, said as plainly as possible: a few maps, no interrupts, no time.
 */
import { EBUSY, EEXIST, EINVAL, ESRCH } from '@bottomhalf/base'
import { CPUS, CRASHES, GOOD, PIRQS, STRAY_EOI, type Behaviour, type Happening } from './script.js'

interface DomainState {
  readonly how: Behaviour
  pauses: number
  isSuspended: boolean
  /** Device by pIRQ. */
  readonly bound: Map<number, number>
}

export class Reference {
  private readonly domains = new Map<number, DomainState>()
  private readonly online = new Set<number>(Array.from({ length: CPUS }, (_, cpu) => cpu))

  /** What a control operation answers now; and what it does. */
  answer(happening: Happening): number {
    switch (happening[0]) {
      case 'create': return this.create(happening[1], happening[2], happening[3])
      case 'kill': return this.domains.delete(happening[1]) ? 0 : -ESRCH
      case 'pause': return this.living(happening[1], (d) => { d.pauses++; return 0 })
      case 'unpause': return this.living(happening[1], (d) => d.pauses === 0 ? -EINVAL : (d.pauses--, 0))
      case 'suspend': return this.living(happening[1], (d) => { d.isSuspended = true; return 0 })
      case 'resume': return this.living(happening[1], (d) => d.isSuspended ? (d.isSuspended = false, 0) : -EINVAL)
      case 'affinity': return this.living(happening[1], () => this.online.has(happening[2]) ? 0 : -EINVAL)
      case 'bind': return this.living(happening[1], (d) => this.bind(d, happening[2], happening[3]))
      case 'unbind': return this.living(happening[1], (d) => d.bound.delete(happening[2]) ? 0 : -EINVAL)
      case 'cpuDown': return happening[1] !== 0 && this.online.delete(happening[1]) ? 0 : -EINVAL
      case 'cpuUp': return this.cpuUp(happening[1])
      default: return 0
    }
  }

  /** The domain that a device's interrupt goes to; undefined: to none. */
  ownerOf(device: number): number | undefined {
    for (const [domain, { bound }] of this.domains) if ([...bound.values()].includes(device)) return domain
    return undefined
  }

  /** The device that a pIRQ of a domain is. */
  deviceOf(domain: number, pirq: number): number | undefined {
    return this.domains.get(domain)?.bound.get(pirq)
  }

  /** Whether a domain serves what arrives for it. */
  serves(domain: number): boolean {
    const d = this.domains.get(domain)
    return d !== undefined && d.pauses === 0 && !d.isSuspended && (d.how === GOOD || d.how === STRAY_EOI)
  }

  /** Whether it is open whether a domain was shut down: a crash may come at any moment. */
  mayCrash(domain: number): boolean {
    return this.domains.get(domain)?.how === CRASHES
  }

  living(domain: number, act: (d: DomainState) => number): number {
    const d = this.domains.get(domain)
    return d === undefined ? -ESRCH : act(d)
  }

  alive(): number[] {
    return [...this.domains.keys()]
  }

  offline(): number[] {
    return Array.from({ length: CPUS }, (_, cpu) => cpu).filter((cpu) => !this.online.has(cpu))
  }

  private create(domain: number, cpu: number, how: Behaviour): number {
    if (!this.online.has(cpu)) return -EINVAL
    if (this.domains.has(domain)) return -EEXIST
    this.domains.set(domain, { how, pauses: 0, isSuspended: false, bound: new Map() })
    return 0
  }

  private bind(d: DomainState, pirq: number, device: number): number {
    if (this.ownerOf(device) !== undefined) return -EBUSY
    if (pirq >= PIRQS) return -EINVAL
    if (d.bound.has(pirq)) return -EEXIST
    d.bound.set(pirq, device)
    return 0
  }

  private cpuUp(cpu: number): number {
    if (cpu >= CPUS || this.online.has(cpu)) return -EINVAL
    this.online.add(cpu)
    return 0
  }
}
