import { InvalidArgument } from '../kernel/errors.ts'
import type { ProductOptions } from './product.ts'

export const forbidden = -1
export const unbounded = -2

/** Where what is kept in the vectors of a product: local states of the parts first, then contents of the channels, then what is left of the adversary's budgets, then clocks. */
export interface Layout {
  width: number
  /** The initial vector, with every part in its local state 0. */
  first: Int32Array
  partNames: string[]
  channelNames: string[]
  /** Field of the first channel. */
  channels: number
  /** Part each channel leads to. */
  targets: number[]
  /** Fields with what is left of the budgets, `forbidden` or `unbounded`: crashes by part, the rest by channel. */
  crashes: number[]
  loses: number[]
  duplicates: number[]
  /** Field of the time, -1 where it is not kept. */
  time: number
  horizon: number
  late: number
  msPerTick: number
  /** Fields of the parts' clocks, as drift + (clock - time); -1 for one that is exact. */
  offsets: number[]
  drifts: number[]
  maxDrift: number
}

export function layoutOf({ parts, channels = {}, time }: ProductOptions<any>): Layout {
  const partNames = Object.keys(parts)
  const channelNames = Object.keys(channels)
  const first: number[] = [...partNames, ...channelNames].map(() => 0)
  const field = (value: number): number => first.push(value) - 1
  const budget = (allowed: number): number => (allowed === 0 ? forbidden : allowed === Infinity ? unbounded : field(allowed))
  const horizon = time?.horizon ?? Infinity
  const drifts = partNames.map((name) => time?.drift?.[name] ?? 0)
  if (drifts.some((drift) => drift > 0) && horizon === Infinity) throw new InvalidArgument('time.drift', 'clocks that drift need time.horizon, the number of ticks to look at')
  return {
    partNames,
    channelNames,
    channels: partNames.length,
    targets: channelNames.map((name) => partNames.indexOf(channels[name]!.to)),
    crashes: partNames.map((name) => budget(parts[name]!.crashes)),
    loses: channelNames.map((name) => budget(channels[name]!.lose)),
    duplicates: channelNames.map((name) => budget(channels[name]!.duplicate)),
    time: horizon === Infinity ? -1 : field(0),
    horizon,
    late: time?.late ?? 0,
    msPerTick: time?.msPerTick ?? 1,
    offsets: drifts.map((drift) => (drift === 0 ? -1 : field(drift))),
    drifts,
    maxDrift: Math.max(...drifts),
    width: first.length,
    first: Int32Array.from(first),
  }
}
