import type { Contents } from './channel.ts'
import type { PendingTimer } from './pending.ts'
import type { ProductView } from './product.ts'
import type { Layout } from './product-layout.ts'
import type { Tabulated } from './tabulated.ts'

type Parts = readonly Tabulated<any, any, any>[]

/** A state of a product as its properties see it, read out of the vector only as far as it is looked at. Good until the vector changes. */
export class VectorView implements ProductView<any> {
  constructor(readonly layout: Layout, readonly tables: Parts, readonly contents: readonly Contents[], readonly vector: Int32Array) {}

  get parts(): Record<string, any> {
    return this.#byPart((part, local) => part.stepper.view(part.locals[local]!.state))
  }

  get timers(): Record<string, readonly PendingTimer[]> {
    return this.#byPart((part, local) => part.locals[local]!.timers)
  }

  get clocks(): Record<string, number> {
    return this.#byPart((_part, _local, index) => clockOf(this.layout, this.vector, index))
  }

  get channels(): Record<string, readonly unknown[]> {
    const { channels, channelNames } = this.layout
    return Object.fromEntries(channelNames.map((name, index) => [name, this.contents[index]!.read(this.vector[channels + index]!)]))
  }

  get time(): number {
    return this.layout.time < 0 ? 0 : this.vector[this.layout.time]!
  }

  /** A plain picture for people: only what there is to see. */
  picture(): unknown {
    const filled = (all: Record<string, readonly unknown[]>): Record<string, unknown> => Object.fromEntries(Object.entries(all).filter(([, items]) => items.length > 0))
    const channels = filled(this.channels)
    const timers = filled(this.timers)
    return {
      ...this.#byPart((part, local) => part.stepper.show(part.locals[local]!.state)),
      ...(Object.keys(channels).length === 0 ? {} : { channels }),
      ...(Object.keys(timers).length === 0 ? {} : { timers }),
      ...(this.layout.time < 0 ? {} : { time: this.time }),
      ...(this.layout.maxDrift === 0 ? {} : { clocks: this.clocks }),
    }
  }

  #byPart<T>(value: (part: Tabulated<any, any, any>, local: number, index: number) => T): Record<string, T> {
    const all: Record<string, T> = {}
    for (let index = 0; index < this.tables.length; index++) all[this.tables[index]!.name] = value(this.tables[index]!, this.vector[index]!, index)
    return all
  }
}

/** What the clock of a part says, 0 where time is not kept. */
export function clockOf({ time, offsets, drifts }: Layout, vector: Int32Array, index: number): number {
  if (time < 0) return 0
  const field = offsets[index]!
  return vector[time]! + (field < 0 ? 0 : vector[field]! - drifts[index]!)
}
