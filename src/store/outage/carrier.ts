import type { Stoppable } from '../ports.ts'
import type { LinkState } from './link.ts'
import type { OutageStore } from './open.ts'

export interface CarrierOptions {
  onChange?(state: LinkState): void
  /** A defect: the carrier should be replaced. */
  onDefect(error: unknown): void
}

/** Carries out what the link decides: looks for the shared store and sends the journal. One at a time per store. */
export function startCarrier(store: Pick<OutageStore, 'link' | 'probe' | 'drain'>, options: CarrierOptions): Stoppable {
  const abort = new AbortController()
  const running = new Set<Promise<void>>()
  let draining: AbortController | undefined

  function run(work: Promise<void>): void {
    const settled = work.catch(options.onDefect).finally(() => running.delete(settled))
    running.add(settled)
  }

  const detach = store.link.attach({
    probe: () => run(store.probe()),
    drain(number) {
      draining?.abort()
      draining = new AbortController()
      run(store.drain(number, AbortSignal.any([abort.signal, draining.signal])))
    },
    changed(state) {
      if (state !== 'syncing') draining?.abort()
      options.onChange?.(state)
    },
  })

  return {
    async stop() {
      detach()
      abort.abort()
      await Promise.allSettled(running)
    },
  }
}
