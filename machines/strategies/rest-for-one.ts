/** The failed child and those started after it are restarted. Returns positions: from (inclusive), to (exclusive). */
export function restForOne(failed: number, count: number): [from: number, to: number] {
  return [failed, count]
}
