import type { Clock } from '../../src/kernel/clock.ts'
import { MemoryFull } from '../../src/kernel/errors.ts'
import type { Database } from '../../src/store/sqlite/database.ts'

export interface Quota {
  /** Throws `MemoryFull` when the project has no room for so many bytes. */
  check(project: string, bytes: number): Promise<void>
}

/** How long a sum is trusted, ms; other processes and nodes store as well. */
const trustedMs = 10_000

/** The byte budget of each project, counted over the memories in the data folder. */
export function createQuota(database: Pick<Database, 'all'>, clock: Clock, limit: number): Quota {
  const counted = new Map<string, { bytes: number; at: number }>()
  return {
    async check(project, bytes) {
      let count = counted.get(project)
      if (count === undefined || clock.monotonic() - count.at > trustedMs) {
        const [row] = await database.all("SELECT coalesce(sum(bytes), 0) AS bytes FROM memories WHERE project = ? AND state != 'gone'", [project])
        count = { bytes: Number(row?.['bytes'] ?? 0), at: clock.monotonic() }
        counted.set(project, count)
      }
      if (count.bytes + bytes > limit) {
        counted.delete(project)
        throw new MemoryFull(project === '' ? 'no project' : `project "${project}"`, count.bytes, limit)
      }
      count.bytes += bytes
    },
  }
}
