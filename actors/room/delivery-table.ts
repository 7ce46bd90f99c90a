import { initialTransition, transition, type ExecutableActionsFrom, type SnapshotFrom } from 'xstate'
import { roomConsumerMachine, type RoomConsumerEvent, type RoomConsumerInput } from '../../machines/room-consumer.ts'

type Command = ExecutableActionsFrom<typeof roomConsumerMachine>
export type Ending = 'committed' | 'buried' | 'lost' | 'released'

/** One state of a delivery, with the commands that entering it gave. Shared by all deliveries that are in this state. */
export interface DeliveryState {
  readonly value: string
  readonly attempt: number
  readonly commands: readonly Command[]
  /** The next entry of an ordered reader has to wait. */
  readonly blocking: boolean
  readonly ending: Ending | undefined
  readonly snapshot: SnapshotFrom<typeof roomConsumerMachine>
  readonly next: Map<string, DeliveryState> | undefined
}

export interface DeliveryTable {
  input(attempt: number, resumed: boolean): RoomConsumerInput
  start(attempt: number, resumed: boolean): DeliveryState
  step(state: DeliveryState, event: RoomConsumerEvent): DeliveryState
}

const endings: readonly string[] = ['committed', 'buried', 'lost', 'released'] satisfies Ending[]
/** Attempts above this are computed each time, which keeps the table small. */
const tabulatedAttempts = 8

/**
 * The transitions of the room-consumer machine, each computed once by the machine itself and looked up from then on:
 * a delivery costs a few map look-ups instead of as many XState transitions. States that carry a timer or an unusual number of
 * attempts are not kept, so that the table stays at some dozens of states.
 */
export function createDeliveryTable(options: Omit<RoomConsumerInput, 'attempt' | 'resumed'>): DeliveryTable {
  const starts = new Map<string, DeliveryState>()

  const stateOf = (snapshot: DeliveryState['snapshot'], commands: readonly Command[]): DeliveryState => {
    const value = typeof snapshot.value === 'string' ? snapshot.value : Object.entries(snapshot.value).flat().join('.')
    return {
      value,
      attempt: snapshot.context.attempt,
      commands,
      blocking: snapshot.hasTag('blocking'),
      ending: endings.includes(value) ? (value as Ending) : undefined,
      snapshot,
      next: snapshot.context.nonces.last === 0 && snapshot.context.attempt <= tabulatedAttempts ? new Map() : undefined,
    }
  }

  const input = (attempt: number, resumed: boolean): RoomConsumerInput => ({ ...options, attempt, resumed })

  return {
    input,
    start(attempt, resumed) {
      const key = `${attempt} ${resumed}`
      const known = starts.get(key)
      if (known) return known
      const [snapshot, commands] = initialTransition(roomConsumerMachine, input(attempt, resumed))
      const state = stateOf(snapshot, commands)
      if (attempt <= tabulatedAttempts) starts.set(key, state)
      return state
    },
    step(state, event) {
      const attempt = 'attempt' in event ? event.attempt : 0
      const tabulated = event.type === 'timer' || attempt > tabulatedAttempts ? undefined : state.next
      const key = attempt === 0 ? event.type : `${event.type} ${attempt}`
      const known = tabulated?.get(key)
      if (known) return known
      const [snapshot, commands] = transition(roomConsumerMachine, state.snapshot, event)
      const next = stateOf(snapshot, commands)
      tabulated?.set(key, next)
      return next
    },
  }
}
