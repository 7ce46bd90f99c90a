import { systemClock } from '../../kernel/clock.ts'
import { InvalidArgument, RecallBehind } from '../../kernel/errors.ts'
import { lengthNorm } from '../keyword/bm25.ts'
import { queryTerms } from '../keyword/query.ts'
import type { QueryTerm } from '../keyword/query.ts'
import { fuse } from '../rank/fuse.ts'
import type { Fused } from '../rank/fuse.ts'
import { neighboursIn } from '../rank/sessions.ts'
import { smooth } from '../rank/smooth.ts'
import type { Scored } from '../rank/smooth.ts'
import { compileFilter } from '../rows/filter.ts'
import type { Filter } from '../rows/filter.ts'
import { Rows } from '../rows/rows.ts'
import { MemoryTable } from '../rows/table.ts'
import { Top } from '../top.ts'
import type { Hit, MemoryKind, MemoryState, RecallProblem, RecallStats, SearchResult, Similar } from '../types.ts'
import type { SearchCall, SimilarCall } from '../wire.ts'

const pageRows = 500
/** How long a request waits for changes to be read before it is answered from what there is, ms. */
const catchUpMs = 250

/** The index inside its worker. Synchronous: one request at a time. */
export class Engine {
  readonly #table: MemoryTable
  readonly #onProblem: (problem: RecallProblem) => void
  #rows: Rows

  constructor(database: string, onProblem: (problem: RecallProblem) => void) {
    this.#table = new MemoryTable(database)
    this.#onProblem = onProblem
    this.#rows = this.#fresh()
  }

  search(call: SearchCall): SearchResult {
    return this.#current((behind) => {
      const rows = this.#rows
      if (call.minSeq !== undefined && rows.seq < call.minSeq) throw new RecallBehind(call.minSeq, rows.seq)
      const filter = compileFilter(rows.columns, rows.names, call)
      const size = Math.max(50, 4 * call.limit)
      const terms = call.text === undefined ? [] : queryTerms(call.text, rows.corpus, (term) => rows.keywords.rowsWith(term))
      const keyword = call.text === undefined || filter === undefined ? undefined : this.#byKeyword(terms, filter, size)
      const vector = filter === undefined ? undefined : this.#byVector(call, filter, size)
      const neighbours = neighboursIn(rows.columns, rows.baseRows, rows.sessions)
      const fused = fuse({
        vector: vector && smooth(vector, vector.at(-1)?.score ?? 0, rows.columns, neighbours, filter!),
        keyword: keyword && smooth(keyword.list, 0, rows.columns, neighbours, filter!),
      }, rows.columns, call.now, call.limit)
      const hits = fused.flatMap((row) => this.#hit(row, terms, keyword?.matched))
      const mode = vector === undefined ? 'keyword' : call.text === undefined ? 'vector' : 'hybrid'
      return { hits, mode, scanned: new Set([...(vector ?? []), ...(keyword?.list ?? [])].map(({ item }) => item)).size, seq: rows.seq, behind }
    })
  }

  similar(call: SimilarCall): Similar[] {
    return this.#current(() => {
      const { columns, names } = this.#rows
      const filter = compileFilter(columns, names, call)
      if (filter === undefined) return []
      const found = this.#byVector(call, filter, call.limit, call.threshold) ?? []
      return found.flatMap(({ item, score }) => {
        const row = this.#table.row(columns.num[item]!)
        return row === undefined ? [] : [{ num: row.num, id: row.id, similarity: score, text: row.text, data: JSON.parse(row.data) }]
      })
    })
  }

  stats(): Omit<RecallStats, 'restarts' | 'queued'> {
    return this.#current((behind) => {
      const { corpus, seq, spaces } = this.#rows
      const models = [...spaces.all()].map(({ model, dimension, delta }) => ({ model, dimension, vectors: delta.count }))
      return { memories: corpus.rows, base: 0, delta: corpus.rows, seq, behind, models, baseBytes: 0, building: false }
    })
  }

  close(): void {
    this.#table.close()
  }

  #fresh(): Rows {
    return new Rows((message) => this.#onProblem({ kind: 'row-refused', message }))
  }

  /** Takes in what was written since, by any process, and answers from that moment. */
  #current<T>(answer: (behind: number) => T): T {
    if (this.#table.open().replaced) this.#rows = this.#fresh()
    return this.#table.snapshot(() => answer(this.#catchUp()))
  }

  #catchUp(): number {
    const until = systemClock.monotonic() + catchUpMs
    for (;;) {
      const page = this.#table.changesAfter(this.#rows.seq, pageRows)
      for (const row of page) this.#rows.apply(row)
      if (page.length < pageRows) return 0
      if (systemClock.monotonic() > until) return this.#table.countAfter(this.#rows.seq)
    }
  }

  #byKeyword(terms: readonly QueryTerm[], filter: Filter, size: number): { list: Scored[]; matched: Map<number, number> } {
    const { columns, keywords, corpus } = this.#rows
    const top = new Top(size)
    const matched = new Map<number, number>()
    keywords.search(terms, lengthNorm(corpus), columns.length, filter, (ordinal, score, bits) => {
      if (score < top.threshold) return
      top.add(score, columns.num[ordinal]!, ordinal)
      matched.set(ordinal, bits)
    })
    return { list: top.sorted(), matched }
  }

  /** Best first; `undefined`: there is no vector to compare with. */
  #byVector({ vector, model }: Pick<SearchCall, 'vector' | 'model'>, filter: Filter, size: number, threshold = -Infinity): Scored[] | undefined {
    const { columns, spaces } = this.#rows
    const space = vector === undefined ? undefined : spaces.find(model!)
    if (vector === undefined || space === undefined) return undefined
    if (vector.length !== space.dimension) throw new InvalidArgument('vector', `has ${vector.length} dimensions, and the memories of model "${model}" have ${space.dimension}: embed the query with that model`)
    const top = new Top(size)
    space.delta.search(vector, (ordinal) => columns.place[ordinal] === space.inDelta && filter(ordinal), threshold, (ordinal, similarity) => {
      top.add(similarity, columns.num[ordinal]!, ordinal)
      return Math.max(threshold, top.threshold)
    })
    return top.sorted()
  }

  #hit({ ordinal, score, recency, neighbours, vector, keyword }: Fused, terms: readonly QueryTerm[], matched: Map<number, number> | undefined): Hit[] {
    const row = this.#table.row(this.#rows.columns.num[ordinal]!)
    if (row === undefined) return []
    const bits = matched?.get(ordinal) ?? 0
    return [{
      num: row.num, id: row.id, version: row.version, project: row.project, agent: row.agent, session: row.session,
      kind: row.kind as MemoryKind, state: row.state as MemoryState, at: row.at, trust: row.trust, text: row.text, data: JSON.parse(row.data), score,
      parts: {
        ...(vector?.own === undefined ? {} : { vector: { rank: vector.own.rank, similarity: vector.own.score } }),
        ...(keyword?.own === undefined ? {} : { keyword: { rank: keyword.own.rank, score: keyword.own.score, terms: terms.filter((_, index) => (bits >> index) & 1).map(({ word }) => word) } }),
        recency,
        ...(neighbours > 0 ? { neighbours } : {}),
      },
    }]
  }
}
