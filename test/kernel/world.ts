import type { Randomness } from '../../src/kernel/clock.ts'
import type { Logger } from '../../src/kernel/logger.ts'
import { createActorSystem } from '../../src/kernel/system.ts'
import type { ActorSystem, KernelEvent, SystemOptions } from '../../src/kernel/types.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'

export interface World {
  clock: VirtualClock
  system: ActorSystem
  events: KernelEvent[]
  /** `<level> <message>` */
  lines: string[]
  /** Types and ids of the events, e.g. `crashed a`. */
  story(): string[]
}

/** Always the upper bound of the back-off, so that delays can be told. */
export const steadyRandomness: Randomness = { next: () => 0.999_999, id: () => 'id' }

/** An actor system on a virtual clock that remembers what it told its observer and its log. */
export function createWorld(options: SystemOptions = {}): World {
  const clock = new VirtualClock()
  const events: KernelEvent[] = []
  const lines: string[] = []
  const note =
    (level: string) =>
    (_fields: object, message: string): void =>
      void lines.push(`${level} ${message}`)
  const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  const system = createActorSystem({ clock, randomness: steadyRandomness, logger, onEvent: (event) => events.push(event), ...options })
  const story = (): string[] => events.map((event) => (event.type === 'deadletter.added' ? `dead ${event.letter.reason}` : `${event.type.slice(6)} ${event.id}`))
  return { clock, system, events, lines, story }
}

export interface Gate {
  promise: Promise<unknown>
  open(value?: unknown): void
  fail(error: unknown): void
}

/** A promise with its ends. */
export function gate(): Gate {
  let open!: (value?: unknown) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<unknown>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}
