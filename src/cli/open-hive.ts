import type { Hive } from '../hive.ts'
import { hiveConfig } from './command.ts'
import type { HiveFlags } from './command.ts'

/** Opens a hive for one command and closes it again. */
export async function withOpenHive(flags: HiveFlags, use: (hive: Hive) => Promise<void>): Promise<void> {
  const { createHive } = await import('../hive.ts')
  const hive = await createHive(hiveConfig(flags))
  try {
    await use(hive)
  } finally {
    await hive.stop()
  }
}
