import { InvalidArgument } from '../kernel/errors.ts'
import type { ChannelSpec } from './channel.ts'
import { assertKnown } from './options.ts'
import type { Part } from './part.ts'
import type { PendingTimer } from './pending.ts'

type Parts = Record<string, Part<any, any>>
type ViewOf<P> = P extends Part<infer V, any> ? V : never

/** A state of a product as its properties see it. */
export interface ProductView<P extends Parts> {
  parts: { [K in keyof P]: ViewOf<P[K]> }
  /** Messages under way, oldest first (sorted where the channel reorders). */
  channels: Record<string, readonly any[]>
  /** Ticks since the start; 0 where time has no horizon. */
  time: number
  /** Each part's own clock. */
  clocks: { [K in keyof P]: number }
  timers: { [K in keyof P]: readonly PendingTimer[] }
}

/**
 * What happens in a product. `type` names the action and where, e.g. `deliver:requests`, for fairness:
 * `act:PART`, `timer:PART`, `crash:PART`, `deliver:CHANNEL`, `duplicate:CHANNEL`, `lose:CHANNEL`, `tick`.
 */
export interface ProductEvent {
  type: string
  /** Of an act. */
  event?: unknown
  /** Of a timer. */
  id?: string
  nonce?: unknown
  /** Of a channel. */
  message?: unknown
  /** Of a tick: parts whose clocks do not go by one, with what they go by. */
  clocks?: Record<string, number>
}

export interface TimeOptions {
  /** Length of a tick for `startTimer { ms }`, which is rounded up; 1 by default. */
  msPerTick?: number
  /**
   * Ticks after which the exploration ends. Needed when parts read the time (`at.now`), since their states then never repeat; leads-to properties
   * cannot be asked with it. Without it only timers count ticks, and `now` is 0.
   */
  horizon?: number
  /** How far the clock of a part may be from the true time, in ticks. */
  drift?: Record<string, number>
  /** Ticks by which a timer may fire late; 0: always before time goes on. */
  late?: number
}

export interface ProductOptions<P extends Parts> {
  name?: string
  parts: P
  channels?: Record<string, ChannelSpec>
  /** Counts time in ticks. Without it a timer may fire at any time after it was started. */
  time?: TimeOptions
  /** Groups of parts that are alike (same machine, same wiring): states that differ only in who is who are merged. Safety only. */
  symmetry?: readonly (readonly string[])[]
}

export interface Product<P extends Parts> {
  readonly product: ProductOptions<P>
}

/**
 * Machines and models that run side by side and talk through channels. Checked like a machine: `checkMachine(product({ ... }), properties)`.
 *
 * *Gotchas*: one part acts at a time. A channel that is full and may not lose makes its sender wait, which is noted in the assumptions.
 */
export function product<P extends Parts>(options: ProductOptions<P>): Product<P> {
  const { parts, channels = {}, time, symmetry = [] } = options
  assertKnown('product', options, ['name', 'parts', 'channels', 'time', 'symmetry'])
  if (time !== undefined) assertKnown('time', time, ['msPerTick', 'horizon', 'drift', 'late'])
  if (Object.keys(parts).length === 0) throw new InvalidArgument('parts', 'a product needs at least one part')
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part?.stepper !== 'function') throw new InvalidArgument(`parts.${name}`, 'is no part: wrap the machine or model, e.g. part(machine, { events })')
  }
  for (const [name, { to }] of Object.entries(channels)) {
    if (!Object.hasOwn(parts, to)) throw new InvalidArgument(`channels.${name}.to`, `there is no part "${to}": there are ${Object.keys(parts).join(', ')}`)
  }
  for (const name of [...Object.keys(time?.drift ?? {}), ...symmetry.flat()]) {
    if (!Object.hasOwn(parts, name)) throw new InvalidArgument('parts', `there is no part "${name}": there are ${Object.keys(parts).join(', ')}`)
  }
  return { product: options }
}

export function isProduct(value: unknown): value is Product<any> {
  return typeof value === 'object' && value !== null && 'product' in value
}

export function productName({ name, parts }: ProductOptions<any>): string {
  return name ?? Object.keys(parts).join(' x ')
}
