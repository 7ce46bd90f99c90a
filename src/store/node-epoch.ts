import type { Clock } from '../kernel/clock.ts'
import { Cancelled, StoreUnavailable } from '../kernel/errors.ts'
import { createLeaseHolder } from './lease-holder.ts'
import type { LeaseHolder } from './lease-holder.ts'
import type { Leases, Owner, Stoppable } from './ports.ts'

export interface NodeEpochOptions {
  /** Asking before would be in vain. Default: at once. */
  ready?: Promise<void>
  /** Of the store that all nodes share. */
  leases: Leases
  name: string
  clock: Clock
  /** Default 10 s. */
  ttlMs?: number
  /** Another process runs under our name and started later: this one must not go on as if it were the node. Called once. */
  onSuperseded?: () => void
  onFailure?: (error: unknown) => void
}

/** The epoch of a node: a fence of its own for each start, so that what an earlier life still has on its way is refused. */
export interface NodeEpoch extends Stoppable {
  /** The last one given; absent until the first. */
  readonly current: number | undefined
  /**
   * Who reads as this node. The fence is the last one given; whether it is still good is decided where it is used.
   * Throws `StoreUnavailable` until the first one was given.
   */
  owner(): Owner
  /** The first fence, as soon as it is given. */
  begun(options?: { signal?: AbortSignal }): Promise<number>
}

export const nodeLease = (name: string): string => `node:${name}`

export function startNodeEpoch({ leases, name, clock, ready, ttlMs, onSuperseded, onFailure }: NodeEpochOptions): NodeEpoch {
  let epoch: number | undefined
  let superseded = false
  let holder: LeaseHolder | undefined
  let stopped: Promise<void> | undefined
  let resolveFirst: (epoch: number) => void = () => {}
  let rejectFirst: (error: unknown) => void = () => {}
  const first = new Promise<number>((resolve, reject) => {
    resolveFirst = resolve
    rejectFirst = reject
  })
  // Whoever waits for it is told; nobody has to.
  first.catch(() => undefined)

  async function look(): Promise<void> {
    const held = await leases.inspect(nodeLease(name))
    if (held === undefined || held.holder !== name || epoch === undefined || held.fence <= epoch || superseded) return
    superseded = true
    // Asking again would take the name back, and so on for ever.
    void holder?.stop()
    onSuperseded?.()
  }

  function begin(): void {
    if (stopped !== undefined) return
    holder = createLeaseHolder({ leases, name: nodeLease(name), holder: name, clock, ttlMs, onFailure })
    holder.onChange((fence) => {
      if (fence === undefined) look().catch((error: unknown) => onFailure?.(error))
      else {
        epoch = fence
        resolveFirst(fence)
      }
    })
  }

  if (ready === undefined) begin()
  else void ready.then(begin)

  return {
    get current() {
      return epoch
    },
    owner() {
      if (epoch === undefined) throw new StoreUnavailable(`"${name}" has not been able to announce itself to the shared store yet`)
      return { name, fence: epoch }
    },
    begun: ({ signal } = {}) => unlessAborted(first, signal),
    stop() {
      stopped ??= holder?.stop() ?? Promise.resolve()
      rejectFirst(new Cancelled(`waiting for the epoch of "${name}"`))
      return stopped
    },
  }
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
