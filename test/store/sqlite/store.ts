import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import type { SqliteOptions, SqliteStore } from '../../../src/store/sqlite/open.ts'

/** A data folder of its own, removed with everything that was opened in it. */
export function temporaryFolder() {
  const dataDir = mkdtempSync(join(tmpdir(), 'hivemind-sqlite-'))
  const opened: SqliteStore[] = []
  return {
    dataDir,
    async open(options: Partial<SqliteOptions> = {}): Promise<SqliteStore> {
      const store = await openSqliteStore({ dataDir, ...options })
      opened.push(store)
      return store
    },
    async remove(): Promise<void> {
      await Promise.all(opened.map((store) => store.close()))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
