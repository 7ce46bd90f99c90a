import type { Hive } from '../hive.ts'
import type { HiveFlags } from './command.ts'
import type { Io } from './io.ts'
import { hiveOptions } from './log.ts'

/** Opens a hive for one command and closes it again. */
export async function withOpenHive(io: Io, flags: HiveFlags, use: (hive: Hive) => Promise<void>): Promise<void> {
  const { createHive } = await import('../hive.ts')
  const hive = await createHive(await hiveOptions(io, flags))
  try {
    await use(hive)
  } finally {
    await hive.stop()
  }
}
