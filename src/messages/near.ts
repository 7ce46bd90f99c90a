/**
 * Names that `wanted` was probably meant to be, nearest first, at most `limit`.
 * For error messages only: quadratic in the length of the names.
 */
export function nearNames(wanted: string, names: Iterable<string>, limit = 2): string[] {
  const tolerance = Math.max(2, Math.floor(wanted.length / 3))
  const found: { name: string; distance: number }[] = []
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > tolerance) continue
    const distance = editDistance(wanted, name)
    if (distance <= tolerance) found.push({ name, distance })
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
  return found.slice(0, limit).map((entry) => entry.name)
}

/** Insertions, deletions and substitutions between two strings, in UTF-16 units (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1))
    }
    previous = row
  }
  return previous[b.length]!
}
