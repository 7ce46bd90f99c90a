import type { Observable } from 'rxjs'
import { BusOverflow, messageOf } from '../kernel/errors.ts'
import type { Clock, Randomness } from '../kernel/clock.ts'
import type { Catalogue } from '../messages/catalogue.ts'
import { addOptions, type EnvelopeOptions } from '../messages/create.ts'
import type { DeliveryClass } from '../messages/define.ts'
import type { Envelope } from '../messages/envelope.ts'
import { messageIds } from '../messages/ids.ts'
import type { DataOf, MessageTypeName } from '../messages/map.ts'
import { GuardedObservable } from './guard.ts'
import { EMPTY, Subject } from './rx.ts'
import { createThrottle } from './throttle.ts'

/** Messages that observers may publish, directly and in turn, within one outermost publish. */
const longestCascade = 100_000

export interface PublishOptions extends EnvelopeOptions {
  /** Default: the node. */
  source?: string
}

export interface Bus {
  /**
   * The messages of one type, as they are published here or arrive from other nodes. Treat them as immutable: observers share them.
   * Observers are called in the order in which they subscribed, and all see messages in the same order. One that throws or rejects is
   * told as `bus.observer-failed`; only in a stream made of several sources (`merge`) is that RxJS's own affair, so guard it yourself.
   * @throws UnknownMessageType
   */
  on<Type extends MessageTypeName>(type: Type): Observable<Envelope<Type, DataOf<Type>>>
  /** Every message. Prefer `on`: it costs nothing for the types you leave out. */
  all(): Observable<Envelope>
  /**
   * Delivers to the observers on this node before it returns (unless called by an observer: then after the message in progress),
   * then to the other nodes as the type's delivery class says. Data is trusted: validate what comes from outside with `catalogue.parse`.
   * After `stop` nobody is left to deliver to.
   * @throws UnknownMessageType, BusOverflow when observers publish in a circle
   */
  publish<Type extends MessageTypeName>(type: Type, data: DataOf<Type>, options?: PublishOptions): Envelope<Type, DataOf<Type>>
  /** Whether anybody here observes this type: what costs something to publish need not be published for nobody. */
  observed(type: MessageTypeName): boolean
  /** Delivers a message of another node to the observers here, and to no other node. */
  publishEnvelope(envelope: Envelope): void
  /** Calls `listener` with each message published here whose type is not `local`. Returns how to end it. For the mirror. */
  outgoing(listener: Outgoing): () => void
  /** Completes every stream. Twice is harmless. */
  stop(): void
}

export type Outgoing = (envelope: Envelope, delivery: Exclude<DeliveryClass, 'local'>) => void

interface Route {
  readonly type: string
  readonly delivery: DeliveryClass
  readonly subject: Subject<Envelope>
  /** The bus's own notices get through a full cascade: they are throttled, and somebody must be told. */
  readonly notice: boolean
}

export function createBus(options: { catalogue: Catalogue; clock: Clock; randomness: Randomness; source: string }): Bus {
  const { catalogue, clock, source } = options
  const nextId = messageIds(options.randomness)
  const routes = new Map<string, Route>()
  const faults = createThrottle(clock, 1_000)
  const everything = new Subject<Envelope>()
  const listeners = new Set<Outgoing>()
  let stopped = false
  let delivering = false
  let waiting: { route: Route; envelope: Envelope; away: boolean }[] = []

  const routeOf = (type: string): Route => {
    const known = routes.get(type)
    if (known) return known
    const route = { type, delivery: catalogue.delivery(type), subject: new Subject<Envelope>(), notice: type.startsWith('bus.') }
    routes.set(type, route)
    return route
  }

  const onFault = (type: string, error: unknown): void => {
    // The throttle also ends the circle of an observer of failures that fails.
    const count = stopped ? 0 : faults(type)
    if (count > 0) bus.publish('bus.observer-failed', { type, message: messageOf(error), count })
  }

  const emit = (route: Route, envelope: Envelope, away: boolean): void => {
    try {
      route.subject.next(envelope)
      if (everything.observed) everything.next(envelope)
      if (away && listeners.size > 0 && route.delivery !== 'local') {
        for (const listener of listeners) listener(envelope, route.delivery)
      }
    } catch (error) {
      // A Subscriber that somebody made by hand comes without RxJS's own protection.
      onFault(route.type, error)
    }
  }

  const deliver = (route: Route, envelope: Envelope, away: boolean): void => {
    if (delivering) {
      if (waiting.length >= longestCascade && !route.notice) throw new BusOverflow(envelope.type, longestCascade)
      waiting.push({ route, envelope, away })
      return
    }
    delivering = true
    emit(route, envelope, away)
    // `waiting` keeps what was delivered until the end: its length counts the whole cascade.
    for (let next = 0; next < waiting.length; next++) {
      const item = waiting[next]!
      emit(item.route, item.envelope, item.away)
    }
    if (waiting.length > 0) waiting = []
    delivering = false
  }

  const bus: Bus = {
    on(type) {
      if (stopped) return EMPTY
      return new GuardedObservable(routeOf(type).subject, (error) => onFault(type, error))
    },
    all: () => (stopped ? EMPTY : new GuardedObservable<Envelope>(everything, (error) => onFault('*', error))),
    publish(type, data, publishOptions) {
      const route = routes.get(type) ?? routeOf(type)
      const envelope: Envelope = { id: nextId(), type, source, time: clock.now(), data }
      if (publishOptions !== undefined) {
        if (publishOptions.id !== undefined) envelope.id = publishOptions.id
        if (publishOptions.source !== undefined) envelope.source = publishOptions.source
        addOptions(envelope, publishOptions)
      }
      deliver(route, envelope, true)
      return envelope as never
    },
    observed: (type) => everything.observed || (routes.get(type)?.subject.observed ?? false),
    publishEnvelope: (envelope) => deliver(routeOf(envelope.type), envelope, false),
    outgoing(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop() {
      if (stopped) return
      stopped = true
      listeners.clear()
      everything.complete()
      for (const route of routes.values()) route.subject.complete()
    },
  }
  return bus
}
