import type { Commit, CommitResult, Log } from '../../src/store/ports.ts'

export type Committed = (result: CommitResult | undefined, error?: unknown) => void

export interface Committer {
  /** `done` gets the result, or the error when it is not known whether the commit was applied. */
  add(commit: Commit, done: Committed): void
}

/** Commits in one call of the log. */
const maxBatch = 512

/**
 * Gathers the commits that all readers of this node make in one turn of the event loop into as few calls of the log as
 * possible, in order. What waits here is bounded by the deliveries in flight.
 */
export function createCommitter(log: Log): Committer {
  let commits: Commit[] = []
  let waiting: Committed[] = []

  const send = async (batch: Commit[], dones: Committed[]): Promise<void> => {
    let results: CommitResult[]
    try {
      results = await log.commit(batch)
    } catch (error) {
      for (const done of dones) done(undefined, error)
      return
    }
    for (const [index, done] of dones.entries()) done(results[index])
  }

  const flush = (): void => {
    const [batch, dones] = [commits, waiting]
    commits = []
    waiting = []
    for (let from = 0; from < batch.length; from += maxBatch) void send(batch.slice(from, from + maxBatch), dones.slice(from, from + maxBatch))
  }

  return {
    add(commit, done) {
      if (commits.length === 0) setImmediate(flush)
      commits.push(commit)
      waiting.push(done)
    },
  }
}
