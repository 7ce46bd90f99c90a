import type { Hive } from '../hive.ts'

/** A hive that is opened when it is first asked for, and again after a failure. */
export interface LazyHive {
  get(): Promise<Hive>
  /** Opens it and answers a question of no interest, so that the first real one does not wait for what only has to be loaded. */
  warm(onProblem: (error: unknown) => void): void
  /** Stops it, when it was opened. */
  stop(drainMs: number): Promise<void>
}

export function lazyHive(open: () => Promise<Hive>): LazyHive {
  let opened: Promise<Hive> | undefined
  const get = (): Promise<Hive> => (opened ??= open().catch((error: unknown) => {
    opened = undefined
    throw error
  }))
  return {
    get,
    warm: (onProblem) => void get().then(({ memory }) => memory.recall({ query: 'warm', limit: 1 })).catch(onProblem),
    stop: async (drainMs) => opened?.then((hive) => hive.stop({ drainMs }), () => undefined),
  }
}
