import { EmbedderBusy } from '../kernel/errors.ts'
import type { Purpose } from './types.ts'

/** A text on its way, asked for by any number of callers. */
export interface Job {
  readonly id: string
  readonly hash: string
  readonly purpose: Purpose
  readonly text: string
  readonly waiting: Set<Waiter>
}

export interface Waiter {
  resolve(vector: Float32Array): void
  reject(error: Error): void
}

export interface QueueLimits {
  /** Texts that may wait or be computed, and their characters. */
  texts: number
  characters: number
}

export interface BatchLimits {
  texts: number
  /** Tokens, estimated from the length; one longer text is a batch of its own. */
  tokens: number
}

export interface Queue {
  readonly waiting: number
  readonly texts: number
  /** Adds a text, or joins the same one that is on its way. Throws `EmbedderBusy`. */
  add(hash: string, purpose: Purpose, text: string, waiter: Waiter): void
  /** Nobody waits for it through this waiter any more; a text that nobody waits for is dropped unless it is being computed. */
  leave(hash: string, waiter: Waiter): void
  /** The next batch, of one purpose, in the order of arrival. A suspect, whose batch failed before, goes alone: the others did nothing. */
  take(limits: BatchLimits, suspect: (job: Job) => boolean): Job[]
  /** Jobs that were taken and belong back, before all others. */
  putBack(ids: readonly string[]): void
  job(id: string): Job | undefined
  /** Each waiter gets a copy of its own. */
  settle(id: string, outcome: Float32Array | Error): void
  /** Rejects everything. */
  fail(error: Error): void
}

/** Characters of a token of English or code, on the short side. */
const charactersPerToken = 3

export function createQueue(limits: QueueLimits): Queue {
  const jobs = new Map<string, Job>()
  const byHash = new Map<string, Job>()
  const queued: Record<Purpose, Set<Job>> = { query: new Set(), passage: new Set() }
  let characters = 0
  let lastId = 0

  function remove(job: Job): void {
    jobs.delete(job.id)
    byHash.delete(job.hash)
    queued[job.purpose].delete(job)
    characters -= job.text.length
  }

  return {
    get waiting() {
      return queued.query.size + queued.passage.size
    },
    get texts() {
      return jobs.size
    },
    add(hash, purpose, text, waiter) {
      const known = byHash.get(hash)
      if (known !== undefined) {
        known.waiting.add(waiter)
        return
      }
      if (jobs.size >= limits.texts) throw new EmbedderBusy(jobs.size, limits.texts)
      if (jobs.size > 0 && characters + text.length > limits.characters) throw new EmbedderBusy(jobs.size, jobs.size)
      const job: Job = { id: String(++lastId), hash, purpose, text, waiting: new Set([waiter]) }
      jobs.set(job.id, job)
      byHash.set(hash, job)
      queued[purpose].add(job)
      characters += text.length
    },
    leave(hash, waiter) {
      const job = byHash.get(hash)
      if (job === undefined || !job.waiting.delete(waiter)) return
      if (job.waiting.size === 0 && queued[job.purpose].has(job)) remove(job)
    },
    take({ texts, tokens }, suspect) {
      // Somebody waits for the answer to a query; passages are stored in the background as often as not.
      const from = queued.query.size > 0 ? queued.query : queued.passage
      const batch: Job[] = []
      let sum = 0
      for (const job of from) {
        sum += Math.ceil(job.text.length / charactersPerToken)
        const alone = suspect(job)
        if (batch.length >= texts || (batch.length > 0 && (sum > tokens || alone))) break
        from.delete(job)
        batch.push(job)
        if (alone) break
      }
      return batch
    },
    putBack(ids) {
      const back = ids.flatMap((id) => jobs.get(id) ?? [])
      for (const job of back) if (job.waiting.size === 0) remove(job)
      for (const purpose of ['query', 'passage'] as const) {
        const mine = back.filter((job) => job.purpose === purpose && job.waiting.size > 0)
        if (mine.length > 0) queued[purpose] = new Set([...mine, ...queued[purpose]])
      }
    },
    job: (id) => jobs.get(id),
    settle(id, outcome) {
      const job = jobs.get(id)
      if (job === undefined) return
      remove(job)
      for (const waiter of job.waiting) {
        if (outcome instanceof Error) waiter.reject(outcome)
        else waiter.resolve(outcome.slice())
      }
    },
    fail(error) {
      for (const job of jobs.values()) {
        remove(job)
        for (const waiter of job.waiting) waiter.reject(error)
      }
    },
  }
}
