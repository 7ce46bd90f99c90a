/**
 * Until when, on its own monotonic clock, a holder may act on a lease it asked for at `askedAt`: counted from the ask,
 * because the reply may have taken any time, less a margin for clocks that run at different speeds (1%, and 2 ms for rounding).
 */
export function heldUntil(askedAt: number, ttlMs: number): number {
  return askedAt + ttlMs - (ttlMs * 0.01 + 2)
}
