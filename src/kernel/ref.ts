import { InvalidArgument } from './errors.ts'
import type { ActorRef, AnyRef, AskOptions, Message, StopOptions, Terminated } from './types.ts'

/** What a ref stands for. */
export interface Target {
  readonly id: string
  /** Whether a message would be taken now. */
  readonly hasRoom: boolean
  tell(message: Message): void
  offer(message: Message, signal: AbortSignal | undefined): Promise<void>
  ask(message: Message, options: AskOptions | undefined): Promise<unknown>
  stop(options: StopOptions | undefined): Promise<void>
  /** Calls `notify` once: when the actor has ended, at once if it has. */
  addWatcher(watcher: Watcher): void
  removeWatcher(watcher: Watcher): void
}

export interface Watcher {
  notify(terminated: Terminated): void
}

export class LocalRef implements ActorRef<Message, Record<string, any>> {
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  /** The actor behind a ref of this process. */
  static targetOf(ref: AnyRef): Target {
    if (ref instanceof Object && #target in ref) return ref.#target
    throw new InvalidArgument('ref', 'must be what spawn() or lookup() returned')
  }

  get id(): string {
    return this.#target.id
  }

  tell(message: Message): void {
    this.#target.tell(message)
  }

  offer(message: Message, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#target.offer(message, options?.signal)
  }

  ask(message: Message, options?: AskOptions): Promise<any> {
    return this.#target.ask(message, options)
  }

  stop(options?: StopOptions): Promise<void> {
    return this.#target.stop(options)
  }

  toJSON(): { ref: string } {
    return { ref: this.id }
  }
}
