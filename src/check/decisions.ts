import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate'
import { historyOf } from './history.ts'
import { paramsOf, type Guard, type Log } from './instrumented.ts'
import { Interner } from './interner.ts'
import type { Placed } from './placed.ts'
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
type Recorded = { node: Node; passed?: boolean }

const none: readonly Command[] = []

/**
 * The steps of a machine as decision trees: where it goes and what it does depends on the state it is in, the type of the event and the answers of the
 * guards alone, so that a course that XState took once can be taken again by asking the same guards and making the same changes. Every course comes
 * from XState, and XState is asked again from time to time.
 */
export class Decisions implements Log {
  readonly #machine: AnyStateMachine
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

  /** `args`: what an assign gets besides context and event. */
  constructor(machine: AnyStateMachine, readonly args: object) {
    this.#machine = machine
  }

  guard(guard: Guard, event: EventObject, at: AnyMachineSnapshot, passed: boolean): void {
    if (event !== this.#event) this.#isOpaque = true
    this.#course.push({ node: { kind: 'guard', guard, at }, passed })
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
    const nodes = before.at._nodes
    if (nodes !== this.#lastNodes) {
      this.#lastNodes = nodes
      this.#lastTrees = this.#treesOf(nodes)
    }
    let node = this.#lastTrees.get(event.type)?.next
    let context = before.context as Record<string, unknown>
    let commands: Command[] | undefined
    for (;;) {
      if (node === undefined) return undefined
      switch (node.kind) {
        case 'guard':
          node = node.guard(context, event, node.at) ? node.yes : node.no
          break
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
          if ((++node.uses & (node.uses - 1)) === 0) return undefined
          this.commands = commands ?? none
          return !node.taken ? null : node.unchanged ? before : { at: node.at, context, snapshot: undefined }
        default:
          return undefined
      }
    }
  }

  #treesOf(nodes: object): Trees {
    let trees = this.#roots.get(nodes)
    if (trees === undefined) this.#roots.set(nodes, trees = new Map())
    return trees
  }

  begin(event: EventObject): void {
    this.#course = []
    this.#event = event
    this.#isOpaque = false
  }

  /** Keeps the course that XState just took. Returns the snapshot it came to, as the one object for that place. */
  learn(before: AnyMachineSnapshot, event: EventObject, after: AnyMachineSnapshot, taken: boolean): AnyMachineSnapshot {
    const settled = after === before ? before : this.settled(after)
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
  return implementation.type === 'xstate.assign' ? { kind: 'change', change: changeOf(implementation.assignment, params, args) } : undefined
}

function changeOf(assignment: unknown, params: Params, args: object): Change {
  if (typeof assignment === 'function') return (context, event) => assignment({ context, event, ...args }, params(context, event)) as Record<string, unknown>
  const entries = Object.entries(assignment as Record<string, unknown>)
  return (context, event) => {
    const given = params(context, event)
    return Object.fromEntries(entries.map(([key, value]) => [key, typeof value === 'function' ? value({ context, event, ...args }, given) : value]))
  }
}
