/** Who takes whose place: names of parts and channels. */
export type Renaming = ReadonlyMap<string, string>

/** A copy of a plain value in which every string and key that is a name is replaced. */
export function rename(value: unknown, names: Renaming): unknown {
  if (typeof value === 'string') return names.get(value) ?? value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => rename(item, names))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [names.get(key) ?? key, rename(item, names)]))
}

/** All ways to put the items in order, the given one first. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}
