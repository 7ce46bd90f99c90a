import type { Bus } from '../../src/bus/bus.ts'
import type { Embedder } from '../../src/embedding/types.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { Cache, Documents, Log, Records } from '../../src/store/ports.ts'
import type { Database } from '../../src/store/sqlite/database.ts'
import type { RecallIndex } from '../../src/vectors/types.ts'
import type { Audit } from './audit.ts'
import type { Quota } from './quota.ts'
import type { Channel, Scope } from './types.ts'

/** What a memory stands on. */
export interface MemoryParts {
  documents: Documents
  /** Of the data folder: every memory is in its table `memories`. */
  database: Pick<Database, 'all'>
  index: RecallIndex
  embedder: Embedder
  records: Records
  log: Log
  cache: Cache
  bus: Bus
  clock: Clock
  limits: { textBytes: number; scopeBytes: number }
  /** Memories were stored without a vector: whoever keeps them gives them one later. */
  onUnembedded(): void
  /** Something failed that the call goes on without. */
  onProblem(error: unknown): void
}

/** The parts, and who is calling. */
export interface View extends Omit<MemoryParts, 'limits'> {
  limits: MemoryParts['limits']
  audit: Audit
  quota: Quota
  /** This process has written what the index may not have read yet: its own calls wait for it. */
  unread: { own: boolean }
  channel: Channel
  name?: string
  /** Nothing outside of it is seen or touched. */
  scope: Scope
}
