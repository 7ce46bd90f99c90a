import { initialTransition, transition, type AnyMachineSnapshot, type AnyStateMachine, type EventFromLogic, type InputFrom, type SnapshotFrom } from 'xstate'
import type { Clock, Timer } from '../kernel/clock.ts'
import { transitions } from '../kernel/transitions.ts'

export interface Command {
  type: string
  params: any
}

export interface MachineRunner<Machine extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<Machine>
  /**
   * Takes the event and carries its commands out before it returns them. An event sent from inside an effect is taken
   * after the present one, and its commands are not returned.
   */
  send(event: EventFromLogic<Machine>): readonly Command[]
  /** Cancels what timers are left; later events are ignored. Twice is harmless. */
  dispose(): void
}

export interface RunOptions<Machine extends AnyStateMachine> {
  /** What it runs for: the name of a lease or store. */
  name: string
  input: InputFrom<Machine>
  clock: Clock
  /** By command. `startTimer` and `cancelTimer` are built in; a command without an effect is for whoever sent the event. */
  effects: Readonly<Record<string, (params: any) => void>>
  /** Called once when the machine comes to its end, whatever brought it there: an event that was sent, or a timer. */
  onDone?: () => void
}

/** Runs a pure machine outside a cell, for parts of the store that must decide synchronously. Its timers keep no process alive. */
export function runMachine<Machine extends AnyStateMachine>(machine: Machine, options: RunOptions<Machine>): MachineRunner<Machine> {
  const timers = new Map<string, Timer>()
  const queue: EventFromLogic<Machine>[] = []
  let busy = false
  let disposed = false
  let [snapshot, first] = initialTransition<AnyStateMachine>(machine, options.input) as unknown as [SnapshotFrom<Machine>, readonly unknown[]]

  const builtIn: Record<string, (params: any) => void> = {
    startTimer({ id, ms, nonce }: { id: string; ms: number; nonce: number }) {
      timers.get(id)?.cancel()
      timers.set(id, options.clock.timer(ms, () => {
        timers.delete(id)
        send({ type: 'timer', id, nonce } as EventFromLogic<Machine>)
      }, { background: true }))
    },
    cancelTimer({ id }: { id: string }) {
      timers.get(id)?.cancel()
      timers.delete(id)
    },
  }

  function carryOut(commands: readonly Command[]): void {
    for (const { type, params } of commands) {
      const effect = builtIn[type] ?? options.effects[type]
      effect?.(params)
    }
  }

  /** Tells whoever records the run. */
  function told(commands: readonly unknown[], event: EventFromLogic<Machine> | undefined): void {
    if (transitions.hasSubscribers) {
      transitions.publish({ machine: machine.id, actor: options.name, instance: timers, ...(event === undefined ? { input: options.input } : { event }), snapshot, commands })
    }
  }

  function step(event: EventFromLogic<Machine>): readonly Command[] {
    const [next, commands] = transition(machine, snapshot, event)
    snapshot = next
    told(commands, event)
    carryOut(commands as readonly Command[])
    return commands as readonly Command[]
  }

  function send(event: EventFromLogic<Machine>): readonly Command[] {
    if (disposed) return []
    if (busy) {
      queue.push(event)
      return []
    }
    busy = true
    try {
      const commands = step(event)
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) step(next)
      return commands
    } finally {
      busy = false
      if ((snapshot as AnyMachineSnapshot).status === 'done') end()
    }
  }

  function dispose(): void {
    disposed = true
    for (const timer of timers.values()) timer.cancel()
    timers.clear()
  }

  function end(): void {
    dispose()
    options.onDone?.()
  }

  told(first, undefined)
  carryOut(first as readonly Command[])
  return {
    get snapshot() {
      return snapshot
    },
    send,
    dispose,
  }
}
