/** The first impure thing that was called while the traps were set, e.g. `Math.random()`. */
export interface Traps {
  sprung: string | undefined
}

const timers = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch']

/**
 * Runs `body` (synchronous) with the clock, randomness and timers of the process replaced by traps, and puts them back whatever happens.
 * A trap throws, and leaves its name in `sprung`, since the caller of the trap may swallow the error.
 */
export function withTraps<T>(body: (traps: Traps) => T): T {
  const traps: Traps = { sprung: undefined }
  const undo: (() => void)[] = []
  const spring = (name: string) => (): never => {
    traps.sprung ??= name
    throw new Error(`${name} is not available to a machine that is being checked`)
  }
  const replace = (target: object | undefined, property: string, name: string, value: unknown = spring(`${name}()`)): void => {
    if (target === undefined || !(property in target)) return
    const original = Object.getOwnPropertyDescriptor(target, property)
    Object.defineProperty(target, property, { value, configurable: true, writable: true, enumerable: original?.enumerable ?? false })
    undo.push(() => {
      if (original) Object.defineProperty(target, property, original)
      else Reflect.deleteProperty(target, property)
    })
  }
  try {
    replace(Math, 'random', 'Math.random')
    replace(globalThis, 'Date', 'Date', trappedDate(spring))
    replace(globalThis.performance, 'now', 'performance.now')
    replace(process, 'hrtime', 'process.hrtime', Object.assign(spring('process.hrtime()'), { bigint: spring('process.hrtime.bigint()') }))
    for (const method of ['getRandomValues', 'randomUUID']) replace(globalThis.crypto, method, `crypto.${method}`)
    for (const timer of timers) replace(globalThis, timer, timer)
    return body(traps)
  } finally {
    for (const restore of undo.reverse()) restore()
  }
}

function trappedDate(spring: (name: string) => () => never): DateConstructor {
  return new Proxy(Date, {
    construct: (target, args, newTarget) => (args.length === 0 ? spring('new Date()')() : Reflect.construct(target, args, newTarget)),
    apply: spring('Date()'),
    get: (target, property, receiver) => (property === 'now' ? spring('Date.now()') : Reflect.get(target, property, receiver)),
  })
}
