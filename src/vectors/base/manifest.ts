import { readFileSync, statSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { messageOf } from '../../kernel/errors.ts'
import { manifestFile } from './files.ts'

/** Grows whenever what is in the files, or how texts are taken apart, changes. */
export const formatVersion = 1

export interface FileEntry {
  bytes: number
  crc: number
}

export interface SpaceEntry {
  model: string
  dimension: number
  rows: number
  /** Whether there is a graph beside the vectors. */
  graph: boolean
}

export interface Manifest {
  format: number
  /** Folder of the base. */
  name: string
  /** Number of the last change it takes in. */
  seq: number
  rows: number
  /** Terms of all rows. */
  terms: number
  spaces: SpaceEntry[]
  files: Record<string, FileEntry>
  /** Some rows of the table it was made from: another table has others. */
  sample: { num: number; id: string }[]
}

/** Why a base cannot be used: it is damaged, foreign, or of another version. */
export class BaseUnusable extends Error {}

export function encodeManifest(manifest: Manifest): string {
  const body = JSON.stringify(manifest)
  return JSON.stringify({ crc: crc32(body), body })
}

/** `undefined`: there is none. Throws `BaseUnusable`. */
export function readManifest(dataDir: string): Manifest | undefined {
  let text: string
  try {
    text = readFileSync(manifestFile(dataDir), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new BaseUnusable(`its manifest cannot be read (${messageOf(error)})`)
  }
  const manifest = decode(text)
  if (manifest.format !== formatVersion) throw new BaseUnusable(`it has format ${manifest.format} and this version reads ${formatVersion}`)
  return manifest
}

function decode(text: string): Manifest {
  try {
    const { crc, body } = JSON.parse(text) as { crc: number; body: string }
    if (crc32(body) === crc) return JSON.parse(body) as Manifest
  } catch (error) {
    throw new BaseUnusable(`its manifest is damaged (${messageOf(error)})`)
  }
  throw new BaseUnusable('its manifest is damaged (checksum)')
}

/** Changes when another base is taken into force; the empty string when there is none. */
export function manifestStamp(dataDir: string): string {
  const stat = statSync(manifestFile(dataDir), { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`
}

/** The base that is in force, `undefined` when there is none that can be read. */
export function nameInForce(dataDir: string): string | undefined {
  try {
    return readManifest(dataDir)?.name
  } catch (error) {
    if (error instanceof BaseUnusable) return undefined
    throw error
  }
}
