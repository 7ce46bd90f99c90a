import { join } from 'node:path'

/** What lies in a data folder. SQLite adds `-wal` and `-shm` beside its files. */
export const databaseFile = (dataDir: string): string => join(dataDir, 'hive.db')

/** Written to after every append, so that other processes on the folder notice. Its content means nothing. */
export const ringFile = (dataDir: string): string => join(dataDir, 'hive.ring')

/** The same for documents. */
export const documentsFile = (dataDir: string): string => join(dataDir, 'hive.documents')

/** There while damage was seen and the database was not checked whole since. */
export const suspectFile = (dataDir: string): string => join(dataDir, 'hive.db.suspect')

/** Locked while a damaged database is moved away. */
export const lockFile = (dataDir: string): string => join(dataDir, 'hive.lock')

export const blobFolder = (dataDir: string): string => join(dataDir, 'blobs')
