import type { Database } from '../store/sqlite/database.ts'
import type { Leases } from '../store/ports.ts'
import { Connection } from '../store/sqlite/binding.ts'
import type { Process } from './machine.ts'
import { createKeyedCalls } from './server/keyed.ts'

/** What the outage store uses of the embedded store. */
export interface LocalStore {
  database: Database
  leases: Leases
}

/** The data folder of one node: SQLite in memory. It survives the processes that use it. */
export class Disk {
  readonly connection = new Connection(':memory:')
  /** What a call takes, ms. */
  delayMs = 0.05

  /** What waits in the outage journal, as text. */
  journal(): string {
    if (this.connection.get("SELECT 1 FROM sqlite_master WHERE name = 'outage_journal'") === undefined) return ''
    return this.connection.all<{ item: string }>('SELECT item FROM outage_journal').map(({ item }) => item).join('\n')
  }

  close(): void {
    this.connection.close()
  }

  /** The folder as one process sees it: what it asked for and was not done when it died is not done. */
  open(process: Process): LocalStore {
    let free = 0
    const later = <Result>(work: () => Result): Promise<Result> => new Promise((resolve, reject) => {
      free = Math.max(free, process.machine.scheduler.now) + this.delayMs
      process.at(free, () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
    })
    const leases = createKeyedCalls(() => process.now(), () => undefined, {})
    return {
      database: {
        run: (sql, params) => later(() => ({ changes: this.connection.run(sql, params) })),
        all: (sql, params) => later(() => this.connection.all(sql, params)),
        batch: (statements) => later(() => {
          this.connection.exec('BEGIN')
          try {
            const results = statements.map(({ sql, params }) => ({ changes: this.connection.run(sql, params) }))
            this.connection.exec('COMMIT')
            return results
          } catch (error) {
            this.connection.exec('ROLLBACK')
            throw error
          }
        }),
      },
      leases: {
        async acquire(name, holder, ttlMs) {
          const fence = leases.acquire(name, holder, ttlMs)
          return fence === undefined ? undefined : { fence, heldUntil: process.monotonic() + ttlMs }
        },
        renew: async (name, holder, fence, ttlMs) => (leases.renew(name, holder, fence, ttlMs) ? { fence, heldUntil: process.monotonic() + ttlMs } : undefined),
        release: async (name, holder, fence) => leases.release(name, holder, fence),
        inspect: async (name) => leases.inspect(name),
      },
    }
  }
}
