import { HivemindError } from '../../kernel/errors.ts'
import type { EntryId, StoredRecord } from '../../store/ports.ts'
import type { Defects } from '../defects.ts'
import { createKeyedCalls } from './keyed.ts'
import type { KeyedCalls } from './keyed.ts'
import { createLogCalls } from './log.ts'
import type { LogCalls } from './log.ts'
import type { RoomState } from './room.ts'

export type ServerCalls = { [Name in keyof LogCalls as `log.${Name}`]: LogCalls[Name] } & KeyedCalls & {
  /** The last entry of each room that rang. */
  rings(): [string, EntryId][]
}
export type CallName = keyof ServerCalls
export type CallArgs<Name extends CallName> = Parameters<ServerCalls[Name]>
export type CallResult<Name extends CallName> = ReturnType<ServerCalls[Name]>

/** The channel on which rooms with new entries are told. */
export const ringChannel = 'rooms:ring'

const readOnly: ReadonlySet<CallName> = new Set<CallName>([
  'log.info', 'log.list', 'log.range', 'log.pending', 'log.deadLetters', 'log.record', 'get', 'getMany', 'keys', 'inspect', 'nodes', 'publish', 'readRing', 'ringEnd', 'rings',
])

interface Written {
  at: number
  name: CallName
  args: readonly unknown[]
}

interface State {
  calls: ServerCalls
  rooms: ReadonlyMap<string, RoomState>
}

export interface SimServerOptions {
  /** Its wall clock. */
  now(): number
  publish(channel: string, payload: string): void
  /** After each call, and each that is played `again`. */
  executed(name: CallName, args: readonly unknown[], result: unknown, again: boolean): void
  /** Before the file is played again. */
  replaying(): void
  /** After that: what was written in the last `lostMs` is gone; `before` are the rooms as they were. */
  lost(before: ReadonlyMap<string, RoomState>, lostMs: number): void
  defects: Defects
}

/**
 * The shared store: a state machine that takes one call at a time and keeps each write in a file that is synced now and
 * then. A crash loses what was written since; the state after it is the file played again.
 */
export class SimServer {
  #state: State
  #file: Written[] = []
  /** What was there when it was started is safe. */
  #synced = 0
  /** Time of the call in hand: while the file is played again, that of the call then. */
  #now: number | undefined
  #runId = 1
  #up = true

  constructor(private readonly options: SimServerOptions) {
    this.#state = this.#fresh()
  }

  get up(): boolean {
    return this.#up
  }

  /** Another one after each restart. */
  get runId(): number {
    return this.#runId
  }

  get rooms(): ReadonlyMap<string, RoomState> {
    return this.#state.rooms
  }

  /** A record as it is now. */
  look(key: string): StoredRecord | undefined {
    return this.#state.calls.get(key)
  }

  /** A lease as it is now. */
  inspect(name: string): { holder: string; fence: number; remainingMs: number } | undefined {
    return this.#state.calls.inspect(name)
  }

  execute<Name extends CallName>(name: Name, args: CallArgs<Name>): CallResult<Name> {
    if (!readOnly.has(name)) this.#file.push({ at: this.options.now(), name, args })
    return this.#run(name, args)
  }

  /** Ends it; what was written within the last `loseMs`, and since it was started, is gone. Returns how many writes that were. */
  crash(loseMs: number): number {
    this.#up = false
    const since = this.options.now() - loseMs
    const before = this.rooms
    const first = this.#file.findIndex(({ at }, index) => index >= this.#synced && at > since)
    const lost = first < 0 ? 0 : this.#file.length - first
    if (lost > 0) {
      this.#file.length = first
      this.#replay()
      this.options.lost(before, loseMs)
    }
    return lost
  }

  restart(): void {
    this.#synced = this.#file.length
    this.#up = true
    this.#runId++
  }

  #replay(): void {
    this.#state = this.#fresh()
    this.options.replaying()
    for (const { at, name, args } of this.#file) {
      if (this.options.defects.leasesVolatile && (name === 'acquire' || name === 'renew')) continue
      this.#now = at
      try {
        this.#run(name, args as CallArgs<typeof name>)
      } catch (error) {
        // It failed the first time, too: its answer went to whoever asked then.
        if (!(error instanceof HivemindError)) throw error
      }
    }
    this.#now = undefined
  }

  #run<Name extends CallName>(name: Name, args: CallArgs<Name>): CallResult<Name> {
    const result = (this.#state.calls[name] as (...args: CallArgs<Name>) => CallResult<Name>)(...args)
    this.options.executed(name, args, result, this.#now !== undefined)
    return result
  }

  #fresh(): State {
    const now = (): number => this.#now ?? this.options.now()
    const publish = (channel: string, payload: string): void => {
      if (this.#now === undefined) this.options.publish(channel, payload)
    }
    const lastRings = new Map<string, EntryId>()
    const log = createLogCalls(now, (rung) => {
      for (const [room, entry] of rung) lastRings.set(room, entry)
      publish(ringChannel, JSON.stringify([...rung]))
    }, this.options.defects)
    const { rooms, ...logCalls } = log
    const calls = { rings: () => [...lastRings], ...createKeyedCalls(now, publish, this.options.defects), ...Object.fromEntries(Object.entries(logCalls).map(([name, call]) => [`log.${name}`, call])) }
    return { calls: calls as unknown as ServerCalls, rooms }
  }
}
