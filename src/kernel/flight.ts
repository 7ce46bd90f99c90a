import type { Carried } from './ask.ts'
import type { Timer } from './clock.ts'
import type { Scope } from './scope.ts'
import type { Message } from './types.ts'

/** What waits in a mailbox. */
export type Item = Message | Carried

/** A handler that returned a promise and has not settled. */
export class Flight {
  readonly item: Item
  readonly scope: Scope
  /** `clock.monotonic()` */
  readonly since: number
  deadline: Timer | undefined
  /** Resolves when the handler has settled, whichever way. */
  settled: Promise<void> | undefined
  /** Its actor has given up on it: whatever comes is ignored. */
  abandoned = false

  constructor(item: Item, scope: Scope, since: number) {
    this.item = item
    this.scope = scope
    this.since = since
  }
}

/** The handlers of one actor that have not settled, in the order their messages arrived. */
export class Flights {
  readonly #flights = new Set<Flight>()

  begin(flight: Flight): void {
    this.#flights.add(flight)
    flight.scope.flights++
  }

  /** False when nobody waits for this flight any more. */
  land(flight: Flight): boolean {
    if (flight.abandoned) return false
    flight.deadline?.cancel()
    flight.scope.flights--
    this.#flights.delete(flight)
    return true
  }

  /** Gives up on all of them; returns what they were handling. */
  abandon(): Item[] {
    const items: Item[] = []
    for (const flight of this.#flights) {
      flight.abandoned = true
      flight.deadline?.cancel()
      flight.scope.flights--
      items.push(flight.item)
    }
    this.#flights.clear()
    return items
  }

  /** Each resolves when its handler has settled. */
  get settled(): Promise<void>[] {
    return [...this.#flights].flatMap(({ settled }) => settled ?? [])
  }

  /** When the oldest of them began (`clock.monotonic()`). */
  get since(): number | undefined {
    const [oldest] = this.#flights
    return oldest?.since
  }
}
