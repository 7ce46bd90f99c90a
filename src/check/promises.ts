const asyncFunction = Object.getPrototypeOf(async () => undefined) as object

/** Written with `async`. */
export function isAsync(value: unknown): boolean {
  return typeof value === 'function' && Object.getPrototypeOf(value) === asyncFunction
}

export function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
