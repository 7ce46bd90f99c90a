import { StoreUnavailable } from '../../src/kernel/errors.ts'
import type { Log } from '../../src/store/ports.ts'

export type Fault =
  /** The request never arrives. */
  | 'request lost'
  /** It is carried out, but the answer never comes. */
  | 'reply lost'
  /** The process dies before it is sent. */
  | 'killed before'
  /** The process dies when it has been carried out. */
  | 'killed after'

export interface FaultyLog {
  log: Log
  /** Calls that readers made so far. */
  readonly calls: number
  /** Whether the process is dead: no call of it is sent or answered any more. */
  readonly dead: boolean
  kill(): void
}

const faulted = ['openGroup', 'openCursor', 'take', 'owned', 'takeOver', 'retry', 'extend', 'commit', 'bury', 'range', 'record']
const never = (): Promise<never> => new Promise(() => {})

/** The log as one process sees it that meets `fault` at its call number `at` (from 1). */
export function withFault(log: Log, fault: Fault, at: number): FaultyLog {
  let calls = 0
  let dead = false
  const faulty = new Proxy(log, {
    get(target, key) {
      const value = Reflect.get(target, key) as unknown
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        if (dead) return never()
        const hit = faulted.includes(String(key)) && ++calls === at
        if (hit && fault === 'killed before') dead = true
        if (dead) return never()
        if (hit && fault === 'request lost') throw new StoreUnavailable('the request was lost')
        const result = (await (value as (...rest: unknown[]) => Promise<unknown>).apply(target, args))
        if (hit && fault === 'killed after') dead = true
        if (hit && fault === 'reply lost') throw new StoreUnavailable('the reply was lost')
        return dead ? never() : result
      }
    },
  })
  return {
    log: faulty,
    get calls() {
      return calls
    },
    get dead() {
      return dead
    },
    kill: () => {
      dead = true
    },
  }
}
