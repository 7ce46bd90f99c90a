import { InvalidArgument } from '../../kernel/errors.ts'
import type { Scored } from '../rank/smooth.ts'
import type { Columns } from '../rows/columns.ts'
import type { Filter } from '../rows/filter.ts'
import type { Range } from '../rows/ranges.ts'
import { Top } from '../top.ts'
import type { VectorSpaces } from './spaces.ts'
import type { BaseVectors } from './vectors-file.ts'

/** As many vectors as are compared one by one sooner than the graph is asked. */
const scanned = 20_000
/** Neighbours that the graph is asked for, at most, so that enough of them pass the filter. */
const mostAsked = 2_000
const sampled = 512

/** The most similar rows of a range that pass the filter, best first. `undefined`: no row has a vector of this model. */
export function searchVectors(spaces: VectorSpaces, columns: Columns, query: Float32Array, model: string, range: Range, filter: Filter, size: number, threshold = -Infinity): Scored[] | undefined {
  const space = spaces.find(model)
  if (space === undefined) return undefined
  if (query.length !== space.dimension) throw new InvalidArgument('vector', `has ${query.length} dimensions, and the memories of model "${model}" have ${space.dimension}: embed the query with that model`)
  const { num, place } = columns
  const top = new Top(size)
  const found = (ordinal: number, similarity: number): number => {
    if (similarity >= threshold) top.add(similarity, num[ordinal]!, ordinal)
    return Math.max(threshold, top.threshold)
  }
  space.delta.search(query, (ordinal) => place[ordinal] === space.inDelta && filter(ordinal), threshold, found)
  if (space.base !== undefined) searchBase(space.base, query, range, (ordinal) => place[ordinal] === space.inBase && filter(ordinal), size, Math.max(threshold, top.threshold), found)
  return top.sorted()
}

function searchBase(base: BaseVectors, query: Float32Array, range: Range, filter: Filter, size: number, least: number, found: (ordinal: number, similarity: number) => number): void {
  const { first, end } = base.range(range.from, range.to)
  const asked = base.hasGraph && end - first > scanned ? Math.ceil((1.5 * size * base.count) / passing(base, first, end, filter)) : Infinity
  if (asked <= mostAsked && base.near(query, Math.max(asked, 2 * size), Math.min(size, asked), filter, least, found)) return
  // Few pass, or those that pass lie far from the query: all are compared.
  base.scan(query, first, end, filter, least, found)
}

/** About how many rows pass the filter, from a sample. */
function passing(base: BaseVectors, first: number, end: number, filter: Filter): number {
  const step = (end - first) / sampled
  let count = 0
  for (let index = 0; index < sampled; index++) if (filter(base.ordinals[first + Math.floor(index * step)]!)) count++
  return (count * (end - first)) / sampled
}
