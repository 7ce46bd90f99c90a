/** Only the failed child is restarted. Returns positions: from (inclusive), to (exclusive). */
export function oneForOne(failed: number, _count: number): [from: number, to: number] {
  return [failed, failed + 1]
}
