import type { Observer, Operator, Subscription } from 'rxjs'
import { Observable, Subscriber } from './rx.ts'

type OnFault = (error: unknown) => void

/**
 * An Observable whose observers cannot do harm: whatever one throws, rejects with, or fails to handle goes to
 * `onFault`. RxJS itself would throw it on a fresh stack, where it ends the process. Streams piped from this one
 * are guarded too; a stream made of several sources (`merge`, `combineLatest`) is RxJS's own again.
 */
export class GuardedObservable<Value> extends Observable<Value> {
  readonly #onFault: OnFault

  constructor(source: Observable<any>, onFault: OnFault, operator?: Operator<any, Value>) {
    super()
    this.source = source
    this.operator = operator
    this.#onFault = onFault
  }

  override lift<Result>(operator?: Operator<Value, Result>): Observable<Result> {
    return new GuardedObservable<Result>(this, this.#onFault, operator)
  }

  override subscribe(observerOrNext?: Partial<Observer<Value>> | ((value: Value) => void) | null, error?: ((error: any) => void) | null, complete?: (() => void) | null): Subscription {
    // An operator's own subscriber: the guard is at the end of the chain.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext)
    const observer = typeof observerOrNext === 'function' || !observerOrNext
      ? { next: observerOrNext ?? undefined, error: error ?? undefined, complete: complete ?? undefined }
      : observerOrNext
    return super.subscribe(guard(observer, this.#onFault))
  }
}

function guard<Value>(observer: Partial<Observer<Value>>, onFault: OnFault): Observer<Value> {
  return {
    next: (value) => {
      try {
        watch(observer.next?.(value), onFault)
      } catch (error) {
        onFault(error)
      }
    },
    error: (fault) => {
      try {
        if (observer.error) watch(observer.error(fault), onFault)
        else onFault(fault)
      } catch (error) {
        onFault(error)
      }
    },
    complete: () => {
      try {
        watch(observer.complete?.(), onFault)
      } catch (error) {
        onFault(error)
      }
    },
  }
}

/** An async observer fails later, by rejecting. */
function watch(result: unknown, onFault: OnFault): void {
  if (result !== undefined && typeof (result as PromiseLike<unknown> | null)?.then === 'function') {
    (result as PromiseLike<unknown>).then(undefined, onFault)
  }
}
