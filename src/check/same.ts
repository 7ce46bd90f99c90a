/** Structural equality of plain values (`undefined`, `-0`, `NaN` and holes count, the order of object keys does not); identical references are not walked. */
export function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left)) return Array.isArray(right) && sameItems(left, right)
  return !Array.isArray(right) && sameFields(left as Record<string, unknown>, right as Record<string, unknown>)
}

function sameItems(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) {
    const item = left[index]
    if (!same(item, right[index]) || (item === undefined && index in left !== index in right)) return false
  }
  return true
}

function sameFields(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  const keys = Object.keys(left)
  const others = Object.keys(right)
  if (keys.length !== others.length) return false
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    if (others[index] !== key && !Object.hasOwn(right, key)) return false
    if (!same(left[key], right[key])) return false
  }
  return true
}
