import { createRequire } from 'node:module'
import type { Index } from 'usearch'

/** HNSW: edges per vector, and candidates that are looked at while building and while searching. */
const connectivity = 32
const expansionAdd = 128
const expansionSearch = 400

/** Approximate nearest neighbours by usearch, which reads its file through a memory map shared by all processes. */
export interface Graph {
  /** Places of the nearest, nearly in order. */
  search(query: Float32Array, count: number): number[]
}

type Usearch = typeof import('usearch')

let loaded: Usearch | undefined | null

/** `undefined` where the package has no binary for this system: search is exact then. */
export function loadUsearch(): Usearch | undefined {
  if (loaded === undefined) {
    try {
      loaded = createRequire(import.meta.url)('usearch') as Usearch
    } catch {
      loaded = null
    }
  }
  return loaded ?? undefined
}

function newIndex(usearch: Usearch, dimension: number): Index {
  return new usearch.Index({
    dimensions: dimension, metric: usearch.MetricKind.Cos, quantization: usearch.ScalarKind.I8,
    connectivity, expansion_add: expansionAdd, expansion_search: expansionSearch, multi: false,
  })
}

/** The file must have passed its checksum: usearch trusts what it maps. */
export function openGraph(path: string, dimension: number): Graph | undefined {
  const usearch = loadUsearch()
  if (usearch === undefined) return undefined
  const index = newIndex(usearch, dimension)
  index.view(path)
  return {
    search: (query, count) => Array.from(index.search(query, count, 1).keys, Number),
  }
}

/** Builds a graph over rows of `stride` bytes and writes it. `pause` is awaited now and then. */
export async function writeGraph(path: string, rows: Int8Array, stride: number, dimension: number, pause: () => Promise<void>): Promise<boolean> {
  const usearch = loadUsearch()
  if (usearch === undefined) return false
  const index = newIndex(usearch, dimension)
  const count = rows.length / stride
  const batch = 1_000
  for (let first = 0; first < count; first += batch) {
    const size = Math.min(batch, count - first)
    const vectors = new Float32Array(size * dimension)
    for (let row = 0; row < size; row++) vectors.set(rows.subarray((first + row) * stride, (first + row) * stride + dimension), row * dimension)
    index.add(BigUint64Array.from({ length: size }, (_, row) => BigInt(first + row)), vectors, 1)
    await pause()
  }
  index.save(path)
  return true
}
