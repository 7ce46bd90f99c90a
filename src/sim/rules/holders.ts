import type { SimNode } from '../node.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Report } from './report.ts'

export interface Grant {
  holder: string
  fence: number
  /** ms of virtual time. */
  at: number
  until: number
}

/**
 * A role has one holder at a time, and each new one a higher fence. The one excuse: a grant, or its last renewal, that the
 * server lost with its last writes; its holder goes on until it hears from the server again, or until the grant has run out.
 */
export class Holders {
  /** Highest fence ever given for each lease. */
  readonly #fences = new Map<string, number>()
  readonly #gains = new Map<string, number>()
  /** The newest grant of each lease that the server has. */
  readonly #grants = new Map<string, Grant>()
  /** Grants that it lost. */
  #forgotten: (Grant & { lease: string })[] = []

  constructor(
    private readonly report: Report, private readonly scheduler: Scheduler, private readonly nodes: readonly SimNode[],
    private readonly inspect: (lease: string) => Omit<Grant, 'at'> | undefined,
  ) {}

  acquired(lease: string, holder: string, ttlMs: number, fence: number): void {
    const last = this.#fences.get(lease) ?? 0
    if (fence <= last) this.report('fences strictly increase', `${lease} was granted under ${fence}, after ${last}`)
    this.#fences.set(lease, fence)
    this.renewed(lease, holder, ttlMs, fence)
  }

  renewed(lease: string, holder: string, ttlMs: number, fence: number): void {
    this.#grants.set(lease, { holder, fence, at: this.scheduler.now, until: this.scheduler.now + ttlMs })
    this.#forgotten = this.#forgotten.filter((grant) => grant.lease !== lease || grant.holder !== holder)
  }

  released(lease: string): void {
    this.#grants.delete(lease)
  }

  lost(lostMs: number): void {
    const now = this.scheduler.now
    for (const [lease, grant] of this.#grants) {
      if (grant.at <= now - lostMs) continue
      this.#forgotten.push({ ...grant, lease })
      const left = this.inspect(lease)
      if (left === undefined) this.#grants.delete(lease)
      else this.#grants.set(lease, { ...left, at: now - lostMs })
    }
  }

  gained(node: string, role: string, fence: number): void {
    const highest = this.#gains.get(role) ?? 0
    if (fence <= highest) this.report('fences strictly increase', `${node} holds ${role} under ${fence}, after ${highest}`)
    this.#gains.set(role, Math.max(fence, highest))
    this.look(role)
  }

  /** Who holds the role now, as far as they know themselves. */
  look(role: string): void {
    const holders = this.nodes.flatMap(({ name, life }) => (life?.hive?.roles.held() ?? []).filter((held) => held.role === role).map(({ fence }) => ({ name, fence })))
    if (holders.length < 2) return
    const excused = ({ name, fence }: { name: string; fence: number }): boolean => this.#forgotten.some((grant) => (
      grant.lease.endsWith(`:${role}`) && grant.holder === name && grant.fence === fence && this.scheduler.now < grant.until
    ))
    const sure = holders.filter((holder) => !excused(holder))
    if (sure.length > 1) this.report('at most one holder', `${sure.map(({ name, fence }) => `${name} (under ${fence})`).join(' and ')} hold ${role} at once`)
  }
}
