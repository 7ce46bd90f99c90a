import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHive } from '../../src/index.ts'
import type { Hive, HiveOptions } from '../../src/index.ts'

/** A hive on a folder of its own, gone when it is closed. */
export async function temporaryHive(options: HiveOptions = {}): Promise<Hive & { dataDir: string; close(): Promise<void> }> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'hivemind-memory-'))
  const hive = await createHive({ log: { level: 'silent' }, ...options, dataDir })
  return Object.assign(hive, {
    dataDir,
    async close() {
      await hive.stop()
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  })
}
