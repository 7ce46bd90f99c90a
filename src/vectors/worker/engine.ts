import { RecallBehind } from '../../kernel/errors.ts'
import type { KeywordResult } from '../keyword/keywords.ts'
import { queryTerms } from '../keyword/query.ts'
import type { QueryTerm } from '../keyword/query.ts'
import { fuse } from '../rank/fuse.ts'
import type { Fused } from '../rank/fuse.ts'
import { neighboursIn } from '../rank/sessions.ts'
import { smooth } from '../rank/smooth.ts'
import { compileFilter } from '../rows/filter.ts'
import { scopeRange } from '../rows/ranges.ts'
import type { Columns } from '../rows/columns.ts'
import type { FullRow } from '../rows/table.ts'
import { searchVectors } from '../scan/search.ts'
import type { Hit, MemoryKind, MemoryState, SearchResult, Similar } from '../types.ts'
import type { Results, SearchCall, SimilarCall } from '../wire.ts'
import type { State } from './state.ts'

/** Candidates of each list for one hit, and at least: ranks far down still count when both lists have them. */
const candidates = { perHit: 4, atLeast: 50 }

export function search(state: State, call: SearchCall): SearchResult {
  return state.current((rows) => {
    if (call.minSeq !== undefined && rows.seq < call.minSeq) throw new RecallBehind(call.minSeq, rows.seq)
    const { columns, names, corpus, keywords, baseRows, spaces, sessions } = rows
    const { text, vector: query } = call
    const size = Math.max(candidates.atLeast, candidates.perHit * call.limit)
    const filter = compileFilter(columns, names, call) ?? (() => false)
    const range = scopeRange(columns, names, baseRows, call.scope)
    const terms = text === undefined ? [] : queryTerms(text, corpus, (term) => keywords.rowsWith(term))
    const keyword = text === undefined ? undefined : keywords.search(terms, corpus, range, filter, size)
    const vector = query === undefined ? undefined : searchVectors(spaces, columns, query, call.model!, range, filter, size)
    const neighbours = neighboursIn(columns, baseRows, sessions)
    const fused = fuse({
      vector: vector && smooth(vector, vector.at(-1)?.score ?? 0, columns, neighbours, filter),
      keyword: keyword && smooth(keyword.list, 0, columns, neighbours, filter),
    }, columns, call.now, call.limit)
    const full = rowsOf(state, columns, fused.map(({ ordinal }) => ordinal))
    return {
      hits: fused.flatMap((row) => hit(full.get(columns.num[row.ordinal]!), row, terms, keyword)),
      mode: vector === undefined ? 'keyword' : keyword === undefined ? 'vector' : 'hybrid',
      scanned: new Set([...(vector ?? []), ...(keyword?.list ?? [])].map(({ item }) => item)).size,
      seq: rows.seq,
      behind: state.behind,
    }
  }, call.minSeq)
}

export function similar(state: State, call: SimilarCall): Similar[] {
  return state.current(({ columns, names, spaces, baseRows }) => {
    const filter = compileFilter(columns, names, call) ?? (() => false)
    const range = scopeRange(columns, names, baseRows, call.scope)
    const found = searchVectors(spaces, columns, call.vector, call.model, range, filter, call.limit, call.threshold) ?? []
    const full = rowsOf(state, columns, found.map(({ item }) => item))
    return found.flatMap(({ item, score }) => {
      const row = full.get(columns.num[item]!)
      return row === undefined ? [] : [{ num: row.num, id: row.id, similarity: score, text: row.text, data: JSON.parse(row.data) }]
    })
  })
}

export function stats(state: State): Omit<Results['stats'], 'building'> {
  return state.current(({ corpus, seq, spaces, base, baseRows, columns }) => ({
    memories: corpus.rows,
    base: baseRows,
    delta: columns.count - baseRows,
    seq,
    behind: state.behind,
    models: [...spaces.all()].map(({ model, dimension, inBase, inDelta }) => {
      let vectors = 0
      for (let ordinal = 0; ordinal < columns.count; ordinal++) if (columns.place[ordinal] === inBase || columns.place[ordinal] === inDelta) vectors++
      return { model, dimension, vectors }
    }),
    baseBytes: base?.bytes ?? 0,
  }))
}

/** The rows as they are now. The snapshot holds: they are those that were ranked. */
function rowsOf({ table }: State, { num }: Columns, ordinals: readonly number[]): Map<number, FullRow> {
  return new Map(table.full(ordinals.map((ordinal) => num[ordinal]!)).map((row) => [row.num, row]))
}

function hit(row: FullRow | undefined, { ordinal, score, recency, neighbours, vector, keyword }: Fused, terms: readonly QueryTerm[], result: KeywordResult | undefined): Hit[] {
  if (row === undefined) return []
  const bits = result?.matched.get(ordinal) ?? 0
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
