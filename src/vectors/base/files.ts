import { join } from 'node:path'

/** What lies in a data folder besides the database: the recall index can be deleted at any time and is made again. */
export const recallFolder = (dataDir: string): string => join(dataDir, 'recall')

/** Names the base in force. Written last, by a rename. */
export const manifestFile = (dataDir: string): string => join(recallFolder(dataDir), 'manifest.json')

/** Locked by the process that builds, with a lock that the system releases when it dies. */
export const lockFile = (dataDir: string): string => join(recallFolder(dataDir), 'build.lock')

export const baseFolder = (dataDir: string, name: string): string => join(recallFolder(dataDir), name)

/** A base is never changed: each has a name of its own. Both begin so, and whatever else does is left alone. */
export const basePrefix = 'base-'
export const buildPrefix = 'build-'

export const columnsFile = 'columns.bin'
export const namesFile = 'names.json'
export const termsFile = 'terms.bin'
export const postingsFile = 'postings.bin'
export const vectorsFile = (space: number): string => `vectors-${space}.bin`
export const graphFile = (space: number): string => `graph-${space}.usearch`
