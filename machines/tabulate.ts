import { initialTransition, transition, type AnyStateMachine, type EventFromLogic, type InputFrom, type SnapshotFrom } from 'xstate'

/** A state of a machine inside a model of its surroundings; equal states are one object. */
export interface Tabled<Machine extends AnyStateMachine> {
  readonly id: number
  readonly value: SnapshotFrom<Machine>['value']
  readonly context: SnapshotFrom<Machine>['context']
  readonly done: boolean
}

export interface Taken<Machine extends AnyStateMachine> {
  readonly state: Tabled<Machine>
  readonly commands: readonly { type: string; params?: any }[]
}

export interface Table<Machine extends AnyStateMachine> {
  initial(input: InputFrom<Machine>): Taken<Machine>
  take(state: Tabled<Machine>, event: EventFromLogic<Machine>): Taken<Machine>
}

/** The machine's own transitions, each taken once: a model of many machines has few different states of each. */
export function tabulate<Machine extends AnyStateMachine>(machine: Machine): Table<Machine> {
  const states = new Map<string, { tabled: Tabled<Machine>; snapshot: SnapshotFrom<Machine>; taken: Map<string, Taken<Machine>> }>()
  const byId: { snapshot: SnapshotFrom<Machine>; taken: Map<string, Taken<Machine>> }[] = []

  function enter([snapshot, commands]: readonly [SnapshotFrom<Machine>, readonly unknown[]]): Taken<Machine> {
    const { value, context, status, error } = snapshot as { value: any; context: any; status: string; error?: unknown }
    if (status === 'error') throw error
    const key = JSON.stringify([value, context, status])
    let entry = states.get(key)
    if (entry === undefined) {
      entry = { tabled: { id: byId.length, value, context, done: status === 'done' }, snapshot, taken: new Map() }
      states.set(key, entry)
      byId.push(entry)
    }
    return { state: entry.tabled, commands: (commands as Taken<Machine>['commands']).map(({ type, params }) => ({ type, params })) }
  }

  return {
    initial: (input) => enter(initialTransition(machine as AnyStateMachine, input) as never),
    take(state, event) {
      const { snapshot, taken } = byId[state.id]!
      const key = JSON.stringify(event)
      let result = taken.get(key)
      if (result === undefined) {
        result = enter(transition(machine as AnyStateMachine, snapshot, event) as never)
        taken.set(key, result)
      }
      return result
    },
  }
}
