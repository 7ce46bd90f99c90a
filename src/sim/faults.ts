import { Prng } from './prng.ts'

/**
 * What can go wrong, and how it is meant:
 * - `cut`: the connection of a node breaks; what was on its way may be lost or come later
 * - `partition`: nothing passes between a node and the server for a while, and then what was held up does
 * - `slow`: packets of a node take much longer, now and then
 * - `lossy`: publications to a node are lost, come twice, or late and out of order
 * - `crash`: a node dies (kill -9) and is started again on its data folder
 * - `pause`: a node stands still (SIGSTOP, garbage collection) and goes on as if nothing had been
 * - `clock`: the wall clock of a node is set forward or back
 * - `disk`: the data folder of a node is slow
 * - `away`: the server is stopped in good order and started again
 * - `server`: the server dies, is started again and lacks up to the last second
 */
export const faultKinds = ['cut', 'partition', 'slow', 'lossy', 'crash', 'pause', 'clock', 'disk', 'away', 'server'] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  /** Its number in the plan of the seed, by which a shrunk run names it. */
  readonly id: number
  readonly kind: FaultKind
  /** Index of the node; of no meaning for those of the server. */
  readonly node: number
  /** ms since the simulation began, and how long it lasts. */
  readonly at: number
  readonly ms: number
  /** What the kind makes of it, from 0 to 1. */
  readonly strength: number
}

export interface PlanOptions {
  seed: number
  nodes: number
  /** Faults begin before it. */
  untilMs: number
  kinds: readonly FaultKind[]
}

/** About one fault a second of virtual time. Numbers are drawn for all kinds, so that leaving one out moves no other. */
export function planFaults({ seed, nodes, untilMs, kinds }: PlanOptions): Fault[] {
  const prng = new Prng(seed ^ 0x5eed)
  const faults: Fault[] = []
  let at = 1_000
  for (let id = 0; ; id++) {
    at += prng.next() * 2_000
    const kind = prng.pick(faultKinds)
    const fault: Fault = { id, kind, node: prng.between(0, nodes - 1), at, ms: 50 + prng.next() ** 4 * 60_000, strength: prng.next() }
    if (at >= untilMs) return faults
    if (kinds.includes(kind)) faults.push(fault)
  }
}

export function describeFault({ id, kind, node, at, ms, strength }: Fault): string {
  const where = kind === 'away' || kind === 'server' ? 'the server' : `n${node + 1}`
  return `#${id} ${kind} ${where} at ${(at / 1_000).toFixed(2)} s for ${(ms / 1_000).toFixed(2)} s, strength ${strength.toFixed(2)}`
}
