/** `states[code]`; `gone` is a tombstone and is never found. */
export const states = ['live', 'superseded', 'forgotten', 'gone'] as const
export const gone = 3
export const kinds = ['episodic', 'semantic'] as const
/** A kind that this version does not know: found unless kinds are asked for. */
const otherKind = 2

export const stateCode = (state: string): number => (states as readonly string[]).indexOf(state)

export function kindCode(kind: string): number {
  const code = (kinds as readonly string[]).indexOf(kind)
  return code === -1 ? otherKind : code
}

/** What is kept of each row besides its text, by ordinal: first the rows of the base, then those of the delta. */
export class Columns {
  /** Rows, removed ones counted. */
  count = 0
  num = new Uint32Array(0)
  project = new Uint32Array(0)
  agent = new Uint32Array(0)
  session = new Uint32Array(0)
  kind = new Uint8Array(0)
  state = new Uint8Array(0)
  /** ms since 1970. */
  at = new Float64Array(0)
  trust = new Float32Array(0)
  /** Terms of the text. */
  length = new Uint16Array(0)
  textHash = new Uint32Array(0)
  /** Which vector space the row's vector is in, and where: see `VectorSpaces`. 0: it has none. */
  place = new Uint8Array(0)
  #ordinals = new Int32Array(0)

  /** A new ordinal, its cells zero. */
  append(num: number): number {
    const ordinal = this.count++
    if (ordinal >= this.num.length) this.#grow(ordinal + Math.max(1_024, ordinal >> 2))
    this.num[ordinal] = num
    this.setOrdinal(num, ordinal)
    return ordinal
  }

  /** Where the row with this number is, or -1. */
  ordinalOf(num: number): number {
    return num < this.#ordinals.length ? this.#ordinals[num]! - 1 : -1
  }

  setOrdinal(num: number, ordinal: number): void {
    if (num >= this.#ordinals.length) this.#ordinals = grown(this.#ordinals, num + Math.max(1_024, num >> 2))
    this.#ordinals[num] = ordinal + 1
  }

  #grow(capacity: number): void {
    this.num = grown(this.num, capacity)
    this.project = grown(this.project, capacity)
    this.agent = grown(this.agent, capacity)
    this.session = grown(this.session, capacity)
    this.kind = grown(this.kind, capacity)
    this.state = grown(this.state, capacity)
    this.at = grown(this.at, capacity)
    this.trust = grown(this.trust, capacity)
    this.length = grown(this.length, capacity)
    this.textHash = grown(this.textHash, capacity)
    this.place = grown(this.place, capacity)
  }
}

type Cells = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array

function grown<T extends Cells>(cells: T, capacity: number): T {
  const larger = new (cells.constructor as new (length: number) => T)(capacity)
  larger.set(cells)
  return larger
}
