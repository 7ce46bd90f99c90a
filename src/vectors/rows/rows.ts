import { decodeColumns } from '../base/columns.ts'
import type { Base } from '../base/base.ts'
import { Keywords } from '../keyword/keywords.ts'
import type { Corpus } from '../keyword/bm25.ts'
import { DeltaSessions } from '../rank/sessions.ts'
import { searchable } from '../scan/kernel.ts'
import { VectorSpaces } from '../scan/spaces.ts'
import { textHash } from '../text/hash.ts'
import { Columns, gone, kindCode, stateCode } from './columns.ts'
import { Names } from './names.ts'
import type { MemoryRow } from './table.ts'

/** All rows as they are to be searched: those of the base, changed by what came after it, and those of the delta. */
export class Rows {
  readonly columns = new Columns()
  readonly names: Names
  readonly spaces = new VectorSpaces(this.columns)
  readonly sessions = new DeltaSessions(this.columns)
  readonly keywords: Keywords
  readonly corpus: Corpus
  readonly base: Base | undefined
  readonly baseRows: number
  /** Number of the last change taken in. */
  seq: number
  /** Rows added since the base, and rows of the base that were removed or written anew: what a new base would save. */
  changed = 0
  readonly #refused: (message: string) => void

  constructor(base: Base | undefined, refused: (message: string) => void) {
    this.base = base
    this.baseRows = base?.manifest.rows ?? 0
    this.seq = base?.manifest.seq ?? 0
    this.names = new Names(base?.names)
    this.corpus = { rows: this.baseRows, terms: base?.manifest.terms ?? 0 }
    this.#refused = refused
    if (base !== undefined) {
      decodeColumns(base.columns, this.baseRows, this.columns)
      base.manifest.spaces.forEach(({ model, dimension }, space) => this.spaces.open(model, dimension, base.vectors[space]))
    }
    this.keywords = new Keywords(base?.keywords, this.columns, this.baseRows)
  }

  apply(row: MemoryRow): void {
    this.seq = row.seq
    const known = this.columns.ordinalOf(row.num)
    const state = stateCode(row.state)
    if (state === -1) this.#refused(`memory ${row.num}: state "${row.state}" is not known to this version; it is not searched`)
    if (state === -1 || state === gone) {
      if (known !== -1) this.#remove(known)
      return
    }
    if (known !== -1 && this.#isSame(known, row)) {
      this.columns.state[known] = state
      this.columns.trust[known] = row.trust
      this.columns.agent[known] = this.names.intern(row.agent)
      this.columns.kind[known] = kindCode(row.kind)
      this.#setVector(known, row)
      return
    }
    if (known !== -1) this.#remove(known)
    this.#add(row, state)
  }

  /** What a row is found and ordered by cannot be changed in place. */
  #isSame(ordinal: number, row: MemoryRow): boolean {
    const { state, at, project, session, textHash: hashes } = this.columns
    return state[ordinal] !== gone && at[ordinal] === row.at && project[ordinal] === this.names.find(row.project)
      && session[ordinal] === this.names.find(row.session) && hashes[ordinal] === textHash(row.text)
  }

  #add(row: MemoryRow, state: number): void {
    const { columns, names } = this
    const ordinal = columns.append(row.num)
    columns.project[ordinal] = names.intern(row.project)
    columns.agent[ordinal] = names.intern(row.agent)
    columns.session[ordinal] = names.intern(row.session)
    columns.kind[ordinal] = kindCode(row.kind)
    columns.state[ordinal] = state
    columns.at[ordinal] = row.at
    columns.trust[ordinal] = row.trust
    columns.textHash[ordinal] = textHash(row.text)
    columns.length[ordinal] = this.keywords.add(ordinal, row.text)
    this.changed++
    this.corpus.rows++
    this.corpus.terms += columns.length[ordinal]!
    this.sessions.add(ordinal)
    this.#setVector(ordinal, row)
  }

  #remove(ordinal: number): void {
    const { columns } = this
    if (columns.state[ordinal] === gone) return
    columns.state[ordinal] = gone
    columns.place[ordinal] = 0
    this.corpus.rows--
    this.corpus.terms -= columns.length[ordinal]!
    this.keywords.remove(ordinal)
    if (ordinal < this.baseRows) this.changed++
    else this.sessions.remove(ordinal)
  }

  #setVector(ordinal: number, { num, model, vector }: MemoryRow): void {
    if (model === null || vector === null) {
      this.columns.place[ordinal] = 0
      return
    }
    if (!searchable(vector.byteLength - 4)) {
      this.#refused(`memory ${num}: a vector of ${vector.byteLength} bytes is not searched`)
      return
    }
    const problem = this.spaces.set(ordinal, model, vector)
    if (problem !== undefined) {
      this.columns.place[ordinal] = 0
      this.#refused(`memory ${num}: ${problem}: it is found by keywords only until it is embedded again`)
    }
  }
}
