import { leaseMachine } from '../../machines/lease.ts'
import { Cancelled, StaleOwner } from '../kernel/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { runMachine } from './machine-runner.ts'
import type { LeaseGrant, Leases, Stoppable } from './ports.ts'

export interface LeaseHolderOptions {
  leases: Leases
  name: string
  /** Who asks. The same holder asking again takes over from its earlier life at once. */
  holder: string
  clock: Clock
  /** Default 10 s: a dead holder is replaced within this plus `retryMs`. */
  ttlMs?: number
  /** Wait before asking again after a refusal or failure. Default a fifth of the ttl. */
  retryMs?: number
  /** Told of failed requests; they are retried. */
  onFailure?: (error: unknown) => void
}

/** Holds a lease for as long as it can, and takes it again when it was lost. Starts asking at once. */
export interface LeaseHolder extends Stoppable {
  readonly name: string
  /** The fence while it is held. */
  readonly fence: number | undefined
  /** Looks at the clock: true never outlives the deadline of the grant, even if the event loop was blocked. */
  isHeld(): boolean
  /** Of the present tenure, aborted with `StaleOwner` when it ends; aborted already while the lease is not held. */
  readonly signal: AbortSignal
  /** Called with the fence on every gain and with `undefined` on every loss. Returns a function that ends it. */
  onChange(listener: (fence: number | undefined) => void): () => void
  /** The fence, as soon as the lease is held. Rejects when the signal aborts or the holder is stopped. */
  held(options?: { signal?: AbortSignal }): Promise<number>
}

export function createLeaseHolder(options: LeaseHolderOptions): LeaseHolder {
  const { leases, name, holder, clock } = options
  const ttlMs = options.ttlMs ?? 10_000
  const listeners = new Set<(fence: number | undefined) => void>()
  let fence: number | undefined
  let heldUntil = 0
  let tenure = new AbortController()
  tenure.abort(new StaleOwner(name))
  let resolveStopped = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve
  })

  function told(listenerFence: number | undefined): void {
    for (const listener of listeners) {
      try {
        listener(listenerFence)
      } catch (error) {
        options.onFailure?.(error)
      }
    }
  }

  function answer(ask: number, request: Promise<LeaseGrant | undefined>): void {
    request.then(
      (grant) => send(grant === undefined ? { type: 'denied', ask } : { type: 'granted', ask, ...grant, now: clock.monotonic() }),
      (error: unknown) => {
        options.onFailure?.(error)
        send({ type: 'failed', ask })
      },
    )
  }

  const runner = runMachine(leaseMachine, {
    name,
    input: { ttlMs, retryMs: options.retryMs ?? Math.max(1, Math.floor(ttlMs / 5)) },
    clock,
    onDone: () => resolveStopped(),
    effects: {
      acquire: ({ ask }: { ask: number }) => answer(ask, leases.acquire(name, holder, ttlMs)),
      renew: ({ ask, fence: own }: { ask: number; fence: number }) => answer(ask, leases.renew(name, holder, own, ttlMs)),
      release({ fence: own }: { fence: number }) {
        leases.release(name, holder, own).catch((error: unknown) => options.onFailure?.(error)).finally(() => send({ type: 'released' }))
      },
      gained(grant: { fence: number; heldUntil: number }) {
        fence = grant.fence
        heldUntil = grant.heldUntil
        tenure = new AbortController()
        told(fence)
      },
      extended(grant: { heldUntil: number }) {
        heldUntil = grant.heldUntil
      },
      lost() {
        fence = undefined
        heldUntil = 0
        tenure.abort(new StaleOwner(name))
        told(undefined)
      },
    },
  })

  function send(event: Parameters<typeof runner.send>[0]): void {
    runner.send(event)
  }

  send({ type: 'start' })

  const isHeld = (): boolean => fence !== undefined && clock.monotonic() < heldUntil
  return {
    name,
    get fence() {
      return isHeld() ? fence : undefined
    },
    isHeld,
    get signal() {
      return tenure.signal
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    held({ signal } = {}) {
      if (isHeld()) return Promise.resolve(fence as number)
      return new Promise((resolve, reject) => {
        const off = (): void => {
          listeners.delete(onGain)
          signal?.removeEventListener('abort', onAbort)
        }
        const onGain = (gained: number | undefined): void => {
          if (gained === undefined) return
          off()
          resolve(gained)
        }
        const onAbort = (): void => {
          off()
          reject(signal?.reason)
        }
        if (signal?.aborted) {
          onAbort()
          return
        }
        listeners.add(onGain)
        signal?.addEventListener('abort', onAbort, { once: true })
        void stopped.then(() => {
          off()
          reject(new Cancelled(`waiting for the lease "${name}"`))
        })
      })
    },
    stop() {
      send({ type: 'stop' })
      return stopped
    },
  }
}
