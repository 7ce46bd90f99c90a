/** Vectors by hash, bounded in bytes: the one used longest ago goes first. Whoever gets one may change it: it is a copy. */
export interface VectorCache {
  get(hash: string): Float32Array | undefined
  /** Keeps `vector` itself: nobody may change it afterwards. */
  set(hash: string, vector: Float32Array): void
  readonly hits: number
  readonly misses: number
}

/** Of one entry besides its numbers: the hash, the map, the array's own head. */
const overhead = 300

export function createVectorCache(maxBytes: number): VectorCache {
  const kept = new Map<string, Float32Array>()
  let bytes = 0
  let hits = 0
  let misses = 0
  const sizeOf = (vector: Float32Array): number => vector.byteLength + overhead
  return {
    get(hash) {
      const vector = kept.get(hash)
      if (vector === undefined) {
        misses++
        return undefined
      }
      hits++
      kept.delete(hash)
      // Those that were made together share a buffer and are soon dropped together; one that stays must not hold all of it.
      kept.set(hash, vector.byteLength === vector.buffer.byteLength ? vector : vector.slice())
      return vector.slice()
    },
    set(hash, vector) {
      if (kept.has(hash) || sizeOf(vector) > maxBytes) return
      kept.set(hash, vector)
      bytes += sizeOf(vector)
      for (const [oldest, old] of kept) {
        if (bytes <= maxBytes) break
        kept.delete(oldest)
        bytes -= sizeOf(old)
      }
    },
    get hits() {
      return hits
    },
    get misses() {
      return misses
    },
  }
}
