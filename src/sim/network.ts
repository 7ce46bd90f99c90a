import type { Defects } from './defects.ts'
import type { Process } from './machine.ts'
import type { Prng } from './prng.ts'
import type { Scheduler } from './scheduler.ts'
import type { CallName } from './server/server.ts'
import type { Trace } from './trace.ts'

/** How the network is at present, for one machine. Faults change it. */
export interface Weather {
  /** Until then nothing passes: it is held up, and comes afterwards. */
  blockedUntil: number
  /** Chance that a packet takes up to `slowMs` longer. */
  slow: number
  slowMs: number
  /** Chances for each publication on its way to a subscriber. */
  publicationLost: number
  publicationTwice: number
  publicationLate: number
}

export const calm = (): Weather => ({ blockedUntil: 0, slow: 0, slowMs: 0, publicationLost: 0, publicationTwice: 0, publicationLate: 0 })

/** What connections share: the time, chance, the record of what happened, who watches, and the weather of each machine. */
export interface Network {
  readonly scheduler: Scheduler
  readonly prng: Prng
  readonly trace: Trace
  weather(machine: string): Weather
  /** Packets that arrived somewhere. */
  packets: number
  readonly defects: Defects
  /** An answer of the server has reached a process. */
  answered(process: Process, name: CallName, args: readonly unknown[], result: unknown): void
  /** A process is connected, and has sent again what this server may lack. */
  connected(process: Process): void
}

/** One way of a connection: packets arrive in the order they were sent. */
export class Pipe {
  #last = 0

  constructor(private readonly network: Network, private readonly machine: string) {}

  /** When a packet sent now arrives. */
  arrival(): number {
    const { scheduler, prng } = this.network
    const weather = this.network.weather(this.machine)
    const spike = weather.slow > 0 && prng.chance(weather.slow) ? prng.next() * weather.slowMs : 0
    const sent = Math.max(scheduler.now, weather.blockedUntil)
    this.#last = Math.max(this.#last, sent + 0.2 + prng.next() * 0.6 + spike)
    return this.#last
  }
}
