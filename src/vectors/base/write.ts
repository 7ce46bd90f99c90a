import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Randomness } from '../../kernel/clock.ts'
import { Connection } from '../../store/sqlite/binding.ts'
import { StoreCorrupt, StoreUnavailable } from '../../kernel/errors.ts'
import { MemoryTable } from '../rows/table.ts'
import { encodeColumns } from './columns.ts'
import { baseFolder, basePrefix, buildPrefix, columnsFile, lockFile, manifestFile, namesFile, recallFolder } from './files.ts'
import { encodeManifest, formatVersion, nameInForce } from './manifest.ts'
import type { FileEntry, Manifest } from './manifest.ts'
import { planBase } from './outlines.ts'
import { Output } from './output.ts'
import { writeKeywords } from './write-keywords.ts'
import { writeVectors } from './write-vectors.ts'

export interface BuildOptions {
  dataDir: string
  database: string
  randomness: Randomness
  /** How long to wait for another process that builds, ms. */
  waitMs: number
  /** Awaited every now and then; rejecting ends the build. */
  pause(): Promise<void>
}

/**
 * Builds a base from the table and takes it into force. One process of a folder builds at a time; `busy`: another one does.
 * Safe to kill at any moment: until the manifest is renamed the old base is in force, and what was left behind is removed by the next build.
 */
export async function buildBase(options: BuildOptions): Promise<'built' | 'busy'> {
  mkdirSync(recallFolder(options.dataDir), { recursive: true, mode: 0o700 })
  const lock = takeLock(options)
  if (lock === undefined) return 'busy'
  const table = new MemoryTable(options.database)
  try {
    removeOthers(options.dataDir, nameInForce(options.dataDir))
    const manifest = await writeBase(options, table)
    putManifest(options.dataDir, manifest)
    removeOthers(options.dataDir, manifest.name)
    return 'built'
  } finally {
    table.close()
    lock.close()
  }
}

/** A lock of SQLite's own kind: the system releases it when its holder dies. */
function takeLock({ dataDir, waitMs }: BuildOptions): Connection | undefined {
  const lock = new Connection(lockFile(dataDir))
  try {
    lock.exec(`PRAGMA busy_timeout = ${waitMs}; BEGIN EXCLUSIVE`)
    return lock
  } catch (error) {
    lock.close()
    if (error instanceof StoreUnavailable) return undefined
    // Nothing is ever written to it: whatever this is, it is in the way.
    if (error instanceof StoreCorrupt) rmSync(lockFile(dataDir), { force: true })
    throw error
  }
}

async function writeBase({ dataDir, randomness, pause }: BuildOptions, table: MemoryTable): Promise<Manifest> {
  table.open()
  // What is written from here on is read again by whoever takes the base into use.
  const seq = table.lastSeq()
  const id = randomness.id()
  const folder = join(recallFolder(dataDir), buildPrefix + id)
  mkdirSync(folder, { mode: 0o700 })
  try {
    const plan = await planBase(table, pause)
    const keywords = await writeKeywords(folder, table, plan.columns, pause)
    const vectors = await writeVectors(folder, table, plan, pause)
    const files: Record<string, FileEntry> = {
      ...keywords.files, ...vectors.files,
      [columnsFile]: writeFile(join(folder, columnsFile), encodeColumns(plan.columns)),
      [namesFile]: writeFile(join(folder, namesFile), new TextEncoder().encode(JSON.stringify(plan.names.all))),
    }
    const name = basePrefix + id
    renameSync(folder, baseFolder(dataDir, name))
    return { format: formatVersion, name, seq, rows: plan.columns.count, terms: keywords.terms, spaces: vectors.spaces, files, sample: plan.sample }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function writeFile(path: string, bytes: Uint8Array): FileEntry {
  const output = new Output(path)
  output.write(bytes)
  return output.end()
}

function putManifest(dataDir: string, manifest: Manifest): void {
  const path = manifestFile(dataDir)
  rmSync(`${path}.new`, { force: true })
  writeFile(`${path}.new`, new TextEncoder().encode(encodeManifest(manifest)))
  renameSync(`${path}.new`, path)
}

/** Bases out of force and builds whose builder died. Whoever has one of them open goes on reading it. */
function removeOthers(dataDir: string, keep: string | undefined): void {
  for (const name of readdirSync(recallFolder(dataDir))) {
    if (name === keep || !(name.startsWith(basePrefix) || name.startsWith(buildPrefix))) continue
    rmSync(join(recallFolder(dataDir), name), { recursive: true, force: true, maxRetries: 3 })
  }
}
