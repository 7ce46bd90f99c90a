import type { SnapshotFrom } from 'xstate'
import { supervisorMachine } from '../../machines/supervisor.ts'
import type { SupervisorEvent, SupervisorInput } from '../../machines/supervisor.ts'
import { Cell, defaultGraceMs } from './cell.ts'
import type { CellSupervisor } from './cell.ts'
import type { Timer } from './clock.ts'
import { ActorCrashed, ActorStopped, RestartIntensityExceeded } from './errors.ts'
import type { OwnedGroup, Owner, Runtime } from './runtime.ts'
import { Stepper } from './stepper.ts'
import type { Command } from './stepper.ts'
import { transitions } from './transitions.ts'
import type { ExitReason, GroupSpec, StopOptions, Strategy, TreeNode } from './types.ts'

type Snapshot = SnapshotFrom<typeof supervisorMachine>
type Signal = { id: string; incarnation: number }

const stepper = new Stepper(supervisorMachine)

/** What the machine calls the actor of a group of one, so that all such groups of one policy begin with the same snapshot. */
const only = 'only'
const beginnings = new WeakMap<GroupPolicy, Map<string, Snapshot>>()

/** The restart policy of a group; actors spawned without options of their own share one. */
export type GroupPolicy = Pick<GroupSpec, 'intensity' | 'backoff'>

/**
 * A group of supervised actors: carries out what the supervisor machine decides and reports back to it.
 *
 * A group of one whose actor has not failed yet keeps no snapshot, since it would be the same for each of them;
 * it is made, by playing the start, when something else happens.
 */
export class Group implements CellSupervisor, OwnedGroup {
  #cells: Cell[] = noCells
  readonly #runtime: Runtime
  #owner: Owner | undefined
  readonly #strategy: Strategy
  readonly #policy: GroupPolicy
  /** A group of one, which ends with its actor. */
  readonly #single: boolean
  #snapshot: Snapshot | undefined
  #started = false
  #queue: SupervisorEvent[] | undefined
  #timer: Timer | undefined
  #stopOptions: StopOptions | undefined
  #drainUntil = 0
  #lastFailure: { id: string; incarnation: number; error: unknown } | undefined
  #escalation: RestartIntensityExceeded | undefined
  #waiting: { resolve(): void; reject(error: unknown): void } | undefined
  #stopping: Promise<void> | undefined
  #onEnded: (() => void) | undefined

  constructor(runtime: Runtime, strategy: Strategy, policy: GroupPolicy, single: boolean) {
    this.#runtime = runtime
    this.#strategy = strategy
    this.#policy = policy
    this.#single = single
  }

  /** Takes the cells it is for, in start order. Resolves when all have started; rejects when they are given up before. */
  start(owner: Owner, cells: Cell[]): Promise<void> {
    this.#cells = cells
    this.#owner = owner
    owner.groups.add(this)
    const first = this.#cells[0]
    if (first !== undefined && this.#cells.length === 1 && this.#single) first.start(1)
    else this.#send({ type: 'start' })
    if (this.#started) return started
    return new Promise((resolve, reject) => {
      if (this.#snapshot?.status === 'done') reject(this.#givenUp())
      else this.#waiting = { resolve, reject }
    })
  }

  stop(options: StopOptions): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      this.#onEnded = resolve
      this.#stopOptions = options
      this.#drainUntil = this.#runtime.clock.monotonic() + (options.drainMs ?? 0)
      if (this.#snapshot?.status === 'done') resolve()
      else this.#send({ type: 'stop' })
    })
    return this.#stopping
  }

  nodes(): TreeNode[] {
    return this.#cells.map((cell) => cell.node())
  }

  // ------------------------------------------------------------ reports of the cells

  started(cell: Cell): void {
    if (this.#snapshot === undefined && this.#single) {
      this.#started = true
      this.#waiting?.resolve()
      this.#waiting = undefined
      return
    }
    this.#send({ type: 'started', ...this.#signalOf(cell) })
  }

  failed(cell: Cell, error: unknown): void {
    this.#lastFailure = { id: cell.id, incarnation: cell.incarnation, error }
    this.#send({ type: 'failed', ...this.#signalOf(cell), ...this.#chance() })
  }

  exited(cell: Cell): void {
    this.#lastFailure = { id: cell.id, incarnation: cell.incarnation, error: undefined }
    this.#send({ type: 'exited', ...this.#signalOf(cell), ...this.#chance() })
  }

  stopped(cell: Cell): void {
    this.#send({ type: 'stopped', ...this.#signalOf(cell) })
  }

  stopCell(cell: Cell, options: StopOptions | undefined): void {
    if (this.#single) {
      void this.stop(options ?? {})
      return
    }
    cell.stopOptions = options ?? {}
    this.#send({ type: 'remove', id: this.#nameOf(cell) })
  }

  #nameOf(cell: Cell): string {
    return this.#single ? only : cell.id
  }

  #signalOf(cell: Cell): Signal {
    return { id: this.#nameOf(cell), incarnation: cell.incarnation }
  }

  #chance(): { time: number; jitter: number } {
    return { time: this.#runtime.clock.monotonic(), jitter: this.#runtime.randomness.next() }
  }

  // ------------------------------------------------------------ the machine

  #send(event: SupervisorEvent): void {
    if (this.#queue !== undefined) {
      this.#queue.push(event)
      return
    }
    this.#queue = [event]
    let ended = false
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const before = (this.#snapshot ??= this.#beginning())
      if (before.status === 'done') continue
      const [snapshot, commands] = this.#step(before, next)
      this.#snapshot = snapshot
      if (this.#snapshot.context.culprit !== null) this.#escalation ??= this.#escalate()
      for (const command of commands) this.#carryOut(command)
      if (!this.#started && this.#snapshot.matches({ active: 'running' })) {
        this.#started = true
        this.#waiting?.resolve()
        this.#waiting = undefined
      }
      ended ||= this.#snapshot.status === 'done'
    }
    this.#queue = undefined
    if (ended) this.#end()
  }

  #step(before: Snapshot, event: SupervisorEvent): [snapshot: Snapshot, commands: readonly Command[]] {
    const [snapshot, commands] = stepper.step(before, event)
    if (transitions.hasSubscribers) this.#tell(snapshot as Snapshot, commands, { event })
    return [snapshot as Snapshot, commands]
  }

  #initial(): Snapshot {
    const input = this.#input()
    const [snapshot, commands] = stepper.initial(input)
    if (transitions.hasSubscribers) this.#tell(snapshot as Snapshot, commands, { input })
    return snapshot as Snapshot
  }

  #tell(snapshot: Snapshot, commands: readonly Command[], cause: { event: SupervisorEvent } | { input: SupervisorInput }): void {
    const actor = (this.#single ? this.#cells[0]?.id : this.#owner?.prefix.slice(0, -1)) ?? ''
    transitions.publish({ machine: supervisorMachine.id, actor, instance: this, ...cause, snapshot, commands })
  }

  #beginning(): Snapshot {
    const cell = this.#single ? this.#cells[0] : undefined
    if (cell === undefined) return this.#initial()
    // A run that is recorded has to show how it came there.
    if (transitions.hasSubscribers) return this.#playStart(cell.incarnation)
    const known = beginnings.get(this.#policy) ?? new Map<string, Snapshot>()
    beginnings.set(this.#policy, known)
    const key = `${cell.restart} ${cell.incarnation} ${this.#started}`
    const snapshot = known.get(key) ?? this.#playStart(cell.incarnation)
    known.set(key, snapshot)
    return snapshot
  }

  #input(): SupervisorInput {
    return {
      strategy: this.#strategy,
      children: this.#cells.map((cell) => ({ id: this.#nameOf(cell), restart: cell.restart })),
      ...this.#policy.intensity,
      backoff: this.#policy.backoff,
      endsWithChildren: this.#single,
    }
  }

  /** What the machine of a group of one would have seen so far: nothing, its start, or that it has started. */
  #playStart(incarnation: number): Snapshot {
    let snapshot = this.#initial()
    if (incarnation > 0) [snapshot] = this.#step(snapshot, { type: 'start' })
    if (this.#started) [snapshot] = this.#step(snapshot, { type: 'started', id: only, incarnation })
    return snapshot
  }

  #carryOut(command: Command): void {
    const { id, incarnation } = command.params as Signal
    switch (command.type) {
      case 'startChild':
        this.#cell(id).start(incarnation)
        break
      case 'stopChild': {
        const cell = this.#cell(id)
        const own = cell.stopOptions
        const forGood = this.#statusOf(id) === 'removing'
        cell.halt({
          forGood,
          drainUntil: own === undefined ? this.#drainUntil : this.#runtime.clock.monotonic() + (own.drainMs ?? 0),
          graceMs: (own ?? this.#stopOptions)?.graceMs ?? defaultGraceMs,
        })
        break
      }
      case 'retireChild':
        this.#retire(this.#cell(id))
        break
      case 'startTimer': {
        const { ms, nonce } = command.params as { ms: number; nonce: number }
        this.#timer?.cancel()
        this.#timer = this.#runtime.clock.timer(ms, () => this.#send({ type: 'timer', id, nonce }))
        break
      }
      case 'cancelTimer':
        this.#timer?.cancel()
        this.#timer = undefined
        break
      case 'escalate':
        this.#runtime.emit({ type: 'actor.escalated', id: this.#escalation?.actor ?? '', restarts: this.#policy.intensity.maxRestarts, error: this.#escalation })
        break
    }
  }

  #retire(cell: Cell): void {
    const [reason, error] = this.#exitOf(cell)
    cell.retire(reason, error)
    this.#cells.splice(this.#cells.indexOf(cell), 1)
  }

  #exitOf(cell: Cell): [ExitReason, unknown] {
    const { lastEnd } = cell
    if (this.#snapshot?.context.culprit?.id === this.#nameOf(cell)) return ['escalated', this.#escalation]
    if (lastEnd?.kind === 'failed') return ['failed', lastEnd.error]
    return [lastEnd?.kind ?? 'stopped', undefined]
  }

  #escalate(): RestartIntensityExceeded {
    const { maxRestarts, windowMs } = this.#policy.intensity
    return new RestartIntensityExceeded(this.#lastFailure?.id ?? '', maxRestarts, windowMs, this.#lastFailure?.error)
  }

  #end(): void {
    this.#timer?.cancel()
    this.#owner?.groups.delete(this)
    this.#waiting?.reject(this.#givenUp())
    this.#waiting = undefined
    this.#onEnded?.()
    if (this.#escalation !== undefined) this.#owner?.groupEscalated(this.#escalation)
  }

  /** Why a start came to nothing. */
  #givenUp(): Error {
    if (this.#escalation !== undefined) return this.#escalation
    const failure = this.#lastFailure
    return failure === undefined ? new ActorStopped(this.#owner?.prefix ?? '') : new ActorCrashed(failure.id, failure.incarnation, failure.error)
  }

  #statusOf(id: string): string | undefined {
    return this.#snapshot?.context.children.find((child) => child.id === id)?.status
  }

  #cell(name: string): Cell {
    const cell = this.#cells.find((each) => this.#nameOf(each) === name)
    if (cell === undefined) throw new Error(`the supervisor machine named "${name}", which is not in its group`)
    return cell
  }
}

const started = Promise.resolve()
const noCells: Cell[] = []
