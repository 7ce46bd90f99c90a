import type { Columns } from '../rows/columns.ts'
import { DeltaVectors } from './delta.ts'
import type { BaseVectors } from './vectors-file.ts'

/** Vectors of one model: comparable with each other and with nothing else. */
export interface VectorSpace {
  readonly model: string
  readonly dimension: number
  /** In `columns.place` of a row whose vector lies in the base. */
  readonly inBase: number
  /** The same for the delta. */
  readonly inDelta: number
  readonly delta: DeltaVectors
  readonly base: BaseVectors | undefined
}

const maxSpaces = 127

/** Every vector lies in the space of its model. */
export class VectorSpaces {
  readonly #spaces = new Map<string, VectorSpace>()
  readonly #columns: Columns

  constructor(columns: Columns) {
    this.#columns = columns
  }

  find(model: string): VectorSpace | undefined {
    return this.#spaces.get(model)
  }

  all(): IterableIterator<VectorSpace> {
    return this.#spaces.values()
  }

  /** The space of a model, made when it is new. `undefined`: there are too many. */
  open(model: string, dimension: number, base?: BaseVectors): VectorSpace | undefined {
    let space = this.#spaces.get(model)
    if (space === undefined && this.#spaces.size < maxSpaces) {
      const inBase = 2 * this.#spaces.size + 1
      space = { model, dimension, inBase, inDelta: inBase + 1, delta: new DeltaVectors(dimension), base }
      this.#spaces.set(model, space)
    }
    return space
  }

  /** Takes a row as it is stored (signed bytes, then a 32-bit scale). Returns what is wrong with it, if anything; one of zeros says nothing and is left out. */
  set(ordinal: number, model: string, stored: Uint8Array): string | undefined {
    const dimension = stored.byteLength - 4
    if (dimension < 1) return `a vector of ${stored.byteLength} bytes`
    const space = this.open(model, dimension)
    if (space === undefined) return `a vector of a ${maxSpaces + 1}th model`
    if (space.dimension !== dimension) return `a vector of ${dimension} dimensions where model "${model}" has ${space.dimension}`
    // The same text by the same model: what is in the base is the same vector.
    if (this.#columns.place[ordinal] === space.inBase) return undefined
    this.#columns.place[ordinal] = 0
    if (stored.subarray(0, dimension).every((byte) => byte === 0)) return undefined
    space.delta.set(ordinal, stored)
    this.#columns.place[ordinal] = space.inDelta
    return undefined
  }
}
