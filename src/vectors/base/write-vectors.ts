import { join } from 'node:path'
import type { Columns } from '../rows/columns.ts'
import type { MemoryTable } from '../rows/table.ts'
import { writeGraph } from '../scan/graph.ts'
import { strideOf } from '../scan/kernel.ts'
import { graphFile, vectorsFile } from './files.ts'
import type { FileEntry, SpaceEntry } from './manifest.ts'
import { checksumOf, Output } from './output.ts'
import { noSpace, pageRows } from './outlines.ts'
import type { Plan } from './outlines.ts'

/** Fewer vectors than this are compared one by one. */
const graphFrom = 20_000

/** Reads all vectors and writes those of each space, with a graph where they are many; `columns.place` says where each row's is. */
export async function writeVectors(folder: string, table: MemoryTable, { columns, spaces, spaceOf }: Plan, pause: () => Promise<void>): Promise<{ files: Record<string, FileEntry>; spaces: SpaceEntry[] }> {
  const files: Record<string, FileEntry> = {}
  const entries: SpaceEntry[] = []
  for (const [space, { model, dimension }] of spaces.entries()) {
    const wanted = Uint32Array.from(ordinalsOf(spaceOf, space))
    const read = await readVectors(table, columns, wanted, model, dimension, pause)
    for (const ordinal of read.ordinals) columns.place[ordinal] = 2 * space + 1
    const output = new Output(join(folder, vectorsFile(space)))
    for (const array of [read.ordinals, read.scales, read.rows]) output.write(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    files[vectorsFile(space)] = output.end()
    const path = join(folder, graphFile(space))
    const graph = read.ordinals.length >= graphFrom && await writeGraph(path, read.rows, strideOf(dimension), dimension, pause)
    if (graph) files[graphFile(space)] = checksumOf(path)
    entries.push({ model, dimension, rows: read.ordinals.length, graph })
  }
  return { files, spaces: entries }
}

function* ordinalsOf(spaceOf: Uint8Array, space: number): Generator<number> {
  for (let ordinal = 0; ordinal < spaceOf.length; ordinal++) if (spaceOf[ordinal] === space && space !== noSpace) yield ordinal
}

interface Vectors {
  ordinals: Uint32Array
  scales: Float32Array
  rows: Int8Array
}

/** A row that changed meanwhile, or whose vector says nothing, is left out. */
async function readVectors(table: MemoryTable, columns: Columns, wanted: Uint32Array, model: string, dimension: number, pause: () => Promise<void>): Promise<Vectors> {
  const stride = strideOf(dimension)
  const places = new Map<number, number>()
  wanted.forEach((ordinal, place) => places.set(columns.num[ordinal]!, place))
  const scales = new Float32Array(wanted.length)
  const rows = new Int8Array(wanted.length * stride)
  const there = new Uint8Array(wanted.length)
  for (let last = 0; ;) {
    const page = table.vectors(last, pageRows)
    for (const row of page) {
      const place = places.get(row.num)
      if (place === undefined || row.model !== model || row.vector.byteLength !== dimension + 4) continue
      const bytes = new Int8Array(row.vector.buffer, row.vector.byteOffset, dimension)
      if (bytes.every((byte) => byte === 0)) continue
      rows.set(bytes, place * stride)
      scales[place] = new DataView(row.vector.buffer, row.vector.byteOffset).getFloat32(dimension, true)
      there[place] = 1
    }
    if (page.length < pageRows) break
    last = page.at(-1)!.num
    await pause()
  }
  return there.includes(0) ? without(wanted, scales, rows, stride, there) : { ordinals: wanted, scales, rows }
}

function without(ordinals: Uint32Array, scales: Float32Array, rows: Int8Array, stride: number, there: Uint8Array): Vectors {
  let kept = 0
  for (let place = 0; place < there.length; place++) {
    if (there[place] === 0) continue
    ordinals[kept] = ordinals[place]!
    scales[kept] = scales[place]!
    rows.copyWithin(kept * stride, place * stride, (place + 1) * stride)
    kept++
  }
  return { ordinals: ordinals.subarray(0, kept), scales: scales.subarray(0, kept), rows: rows.subarray(0, kept * stride) }
}
