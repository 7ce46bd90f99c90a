import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate'
import { TwoAnswers, UncheckableMachine } from './errors.ts'
import { historyOf } from './history.ts'
import { paramsOf, type Guard, type Log } from './instrumented.ts'
import { Interner } from './interner.ts'
import { asyncAssign } from './obstacles.ts'
import { placed, type Placed } from './placed.ts'
import { isPromise } from './promises.ts'
import { same } from './same.ts'
import type { Command } from './space.ts'

type Params = (context: unknown, event: EventObject) => unknown
type Change = (context: Record<string, unknown>, event: EventObject) => Record<string, unknown>

/** What comes next in the course of a step. */
type Node =
  | { kind: 'guard'; guard: Guard; at: AnyMachineSnapshot; yes?: Node; no?: Node }
  | { kind: 'change'; change: Change; next?: Node }
  | { kind: 'command'; type: string; params: Params; next?: Node }
  /** The step is over. `uses`: how often it was come to. */
  | { kind: 'end'; at: AnyMachineSnapshot; unchanged: boolean; taken: boolean; uses: number }
  /** XState has to do it: it raises events, or reads more than is known here. */
  | { kind: 'opaque' }

/** By the type of the event. */
type Trees = Map<string, { next?: Node }>
interface Foreseen {
  taken: boolean
  state: Placed
  commands: readonly Command[]
}
type Recorded = { node: Node; passed?: boolean }

const none: readonly Command[] = []
/** As many as a number has bits. */
const mostAnswers = 31

/**
 * The steps of a machine as decision trees: where it goes and what it does depends on the state it is in, the type of the event and the answers of the
 * guards alone, so that a course that XState took once can be taken again by asking the same guards and making the same changes. Every course comes
 * from XState, and XState is asked again from time to time: what it answers has to be what was foreseen.
 */
export class Decisions implements Log {
  readonly #machine: AnyStateMachine
  /** Every state that XState entered, if only to leave it at once. */
  readonly entered = new Set<AnyStateNode>()
  readonly #roots = new WeakMap<object, Trees>()
  /** Of the last step: the next one is likely to start in the same place. */
  #lastNodes: object | undefined
  #lastTrees: Trees = new Map()
  readonly #interner = new Interner()
  readonly #byPlace = new Map<number, AnyMachineSnapshot>()
  #course: Recorded[] = []
  #event: EventObject | undefined
  #isOpaque = false
  /** Of the last step that was known. */
  commands: readonly Command[] = none
  /** What the guards answered on the way to where XState is let take over, and where the step would have led. */
  #answers = 0
  #answered = 0
  #foreseen: Foreseen | undefined

  /** `args`: what an assign gets besides context and event. `alike`: nothing tells the states apart. */
  constructor(machine: AnyStateMachine, readonly args: object, readonly alike: (left: Placed, right: Placed) => boolean) {
    this.#machine = machine
  }

  guard(guard: Guard, event: EventObject, at: AnyMachineSnapshot, passed: boolean): void {
    if (event !== this.#event) this.#isOpaque = true
    this.#course.push({ node: { kind: 'guard', guard, at }, passed })
  }

  enter(node: AnyStateNode): void {
    this.entered.add(node)
  }

  action(action: unknown, event: EventObject): void {
    if (event !== this.#event) this.#isOpaque = true
    const node = nodeOf(this.#machine, action, this.args)
    if (node === undefined) this.#isOpaque = true
    else this.#course.push({ node })
  }

  /**
   * Where the step leads if its course is known, null when the event is ignored; undefined: let XState take it, between `begin` and `learn`.
   * Throws what a guard or action throws.
   */
  step(before: Placed, event: EventObject): Placed | null | undefined {
    this.#giveUp(0, 0, undefined)
    const nodes = before.at._nodes
    if (nodes !== this.#lastNodes) {
      this.#lastNodes = nodes
      this.#lastTrees = this.#treesOf(nodes)
    }
    let node = this.#lastTrees.get(event.type)?.next
    let context = before.context as Record<string, unknown>
    let commands: Command[] | undefined
    let answers = 0
    let answered = 0
    for (;;) {
      if (node === undefined || node.kind === 'opaque') return this.#giveUp(answers, answered, undefined)
      switch (node.kind) {
        case 'guard': {
          const passed = node.guard(context, event, node.at)
          if (answered < mostAnswers) answers |= (passed ? 1 : 0) << answered++
          node = passed ? node.yes : node.no
          break
        }
        case 'change':
          context = Object.assign({}, context, node.change(context, event))
          node = node.next
          break
        case 'command':
          (commands ??= []).push({ type: node.type, params: node.params(context, event) })
          node = node.next
          break
        case 'end':
          // Each time it was used twice as often as when it was last held against XState.
          if ((++node.uses & (node.uses - 1)) === 0) return this.#giveUp(answers, answered, { taken: node.taken, state: node.unchanged ? before : { at: node.at, context, snapshot: undefined }, commands: commands ?? none })
          this.commands = commands ?? none
          return !node.taken ? null : node.unchanged ? before : { at: node.at, context, snapshot: undefined }
      }
    }
  }

  #giveUp(answers: number, answered: number, foreseen: Foreseen | undefined): undefined {
    this.#answers = answers
    this.#answered = answered
    this.#foreseen = foreseen
  }

  /** XState asked the guards again, and made the changes again. */
  #assertForeseen(after: Placed, taken: boolean, commands: readonly Command[]): void {
    let answers = 0
    let answered = 0
    for (const { passed } of this.#course) if (passed !== undefined && answered < this.#answered) answers |= (passed ? 1 : 0) << answered++
    if (answers !== this.#answers || answered !== this.#answered) throw new TwoAnswers()
    const foreseen = this.#foreseen
    if (foreseen === undefined) return
    if (taken !== foreseen.taken || (taken && !this.alike(foreseen.state, after)) || !same(commands, foreseen.commands)) throw new TwoAnswers()
  }

  #treesOf(nodes: object): Trees {
    let trees = this.#roots.get(nodes)
    if (trees === undefined) this.#roots.set(nodes, trees = new Map())
    return trees
  }

  /** After `step` gave up: what XState does next is watched. */
  begin(event: EventObject): void {
    this.#course = []
    this.#event = event
    this.#isOpaque = false
  }

  /**
   * Keeps the course that XState just took. Returns the snapshot it came to, as the one object for that place.
   * Throws TwoAnswers when guards and actions gave others than just before.
   */
  learn(before: AnyMachineSnapshot, event: EventObject, after: AnyMachineSnapshot, taken: boolean, commands: readonly Command[]): AnyMachineSnapshot {
    const settled = after === before ? before : this.settled(after)
    this.#assertForeseen(placed(settled), taken, commands)
    const trees = this.#treesOf(before._nodes)
    let tree = trees.get(event.type)
    if (tree === undefined) trees.set(event.type, tree = {})
    const isOpaque = this.#isOpaque || after.status === 'error' || (after.status === 'done' && this.#machine.root.output !== undefined)
    let leave = (node: Node): Node => (tree.next ??= node)
    for (const { node, passed } of isOpaque ? [] : this.#course) {
      const here = leave(node)
      leave = here.kind === 'guard' ? (next) => (passed ? (here.yes ??= next) : (here.no ??= next))
        : here.kind === 'change' || here.kind === 'command' ? (next) => (here.next ??= next)
          : (next) => next
    }
    leave(isOpaque ? { kind: 'opaque' } : { kind: 'end', at: settled, unchanged: after === before, taken, uses: 0 })
    return settled
  }

  /** Shares the list of nodes among all snapshots of one place (state value, status and history): it is what the trees hang on. */
  settled(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
    const place = this.#interner.of([snapshot.value, snapshot.status, historyOf(snapshot)])
    const known = this.#byPlace.get(place)
    if (known === undefined) {
      this.#byPlace.set(place, snapshot)
      return snapshot
    }
    return { ...snapshot, value: known.value, historyValue: known.historyValue, _nodes: known._nodes, tags: known.tags } as AnyMachineSnapshot
  }
}

function nodeOf(machine: AnyStateMachine, action: unknown, args: object): Node | undefined {
  const named = typeof action === 'string' ? action : typeof action === 'object' ? (action as { type: string }).type : undefined
  const implementation = (named === undefined ? action : machine.implementations.actions[named]) as { type?: string; assignment?: unknown; name?: string; resolve?: unknown } | undefined
  const given = paramsOf(action)
  const params: Params = typeof given === 'function' ? (context, event) => given({ context, event }) : () => given
  if (implementation === undefined || implementation.resolve === undefined) {
    const type = named ?? (implementation!.name || '(anonymous)')
    return type.startsWith('xstate.') ? undefined : { kind: 'command', type, params }
  }
  return implementation.type === 'xstate.assign' ? { kind: 'change', change: changeOf(machine.id, implementation.assignment, params, args) } : undefined
}

function changeOf(machine: string, assignment: unknown, params: Params, args: object): Change {
  if (typeof assignment === 'function') {
    return (context, event) => {
      const change = assignment({ context, event, ...args }, params(context, event)) as Record<string, unknown>
      if (isPromise(change)) throw new UncheckableMachine(machine, [asyncAssign(`an assign on "${event.type}"`)])
      return change
    }
  }
  const entries = Object.entries(assignment as Record<string, unknown>)
  return (context, event) => {
    const given = params(context, event)
    return Object.fromEntries(entries.map(([key, value]) => [key, typeof value === 'function' ? value({ context, event, ...args }, given) : value]))
  }
}
