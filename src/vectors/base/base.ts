import { messageOf } from '../../kernel/errors.ts'
import { join } from 'node:path'
import { BaseKeywords } from '../keyword/base.ts'
import type { MemoryTable } from '../rows/table.ts'
import { BaseVectors } from '../scan/vectors-file.ts'
import { baseFolder, columnsFile, graphFile, namesFile, postingsFile, termsFile, vectorsFile } from './files.ts'
import { Input } from './input.ts'
import { BaseUnusable, manifestStamp, readManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'

/** An immutable index of the table as it was at `manifest.seq`, open for reading. */
export interface Base {
  manifest: Manifest
  /** The bytes of the columns, see `decodeColumns`. */
  columns: Uint8Array
  names: string[]
  keywords: BaseKeywords
  /** In the order of `manifest.spaces`. */
  vectors: BaseVectors[]
  bytes: number
  close(): void
}

/** Builders replace a base in force within milliseconds at worst: a reader that lost the race looks again. */
const attempts = 5

/** `undefined`: there is none. Throws `BaseUnusable`. */
export function openBase(dataDir: string, table: MemoryTable): Base | undefined {
  for (let attempt = 1; ; attempt++) {
    const stamp = manifestStamp(dataDir)
    const manifest = readManifest(dataDir)
    if (manifest === undefined) return undefined
    try {
      checkTable(manifest, table)
      return openFiles(baseFolder(dataDir, manifest.name), manifest)
    } catch (error) {
      if (manifestStamp(dataDir) !== stamp && attempt < attempts) continue
      throw error instanceof BaseUnusable ? error : new BaseUnusable(messageOf(error), { cause: error })
    }
  }
}

/** Whether it was made from this very table, and not from one that was set aside or replaced. */
function checkTable({ seq, sample }: Manifest, table: MemoryTable): void {
  if (table.lastSeq() < seq) throw new BaseUnusable(`it was made at change ${seq} and the table has ${table.lastSeq()}`)
  const other = sample.find(({ num, id }) => table.idOf(num) !== id)
  if (other !== undefined) throw new BaseUnusable(`it was made from another table: memory ${other.num} is not "${other.id}"`)
}

function openFiles(folder: string, manifest: Manifest): Base {
  const inputs: Input[] = []
  const open = (name: string): Input => {
    const input = new Input(join(folder, name), name, manifest.files[name])
    inputs.push(input)
    return input
  }
  const close = (): void => inputs.forEach((input) => input.close())
  try {
    const columns = open(columnsFile)
    const names = open(namesFile)
    return {
      manifest,
      columns: columns.read(0, columns.bytes),
      names: JSON.parse(new TextDecoder().decode(names.read(0, names.bytes))) as string[],
      keywords: new BaseKeywords(open(termsFile), open(postingsFile)),
      vectors: manifest.spaces.map(({ dimension, rows, graph }, space) => {
        // Checked, and not read: usearch maps it by its path.
        if (graph) open(graphFile(space))
        return new BaseVectors(open(vectorsFile(space)), dimension, rows, graph ? join(folder, graphFile(space)) : undefined)
      }),
      bytes: inputs.reduce((sum, input) => sum + input.bytes, 0),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}
