import { expect, it } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { supervisorMachine, type ChildStatus, type SupervisedChild, type SupervisorEvent, type SupervisorInput } from '../../machines/supervisor.ts'
import { conform, type Command, type Observed } from '../../src/check/index.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import type { OwnedGroup, Owner } from '../../src/kernel/runtime.ts'
import { transitions, type Transition } from '../../src/kernel/transitions.ts'
import type { AnyRef, Behaviour, BehaviourContext, RestartType, Strategy } from '../../src/kernel/types.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { gate, type Gate } from '../kernel/world.ts'

type Snapshot = SnapshotFrom<typeof supervisorMachine>
type Told = Pick<Command, 'type' | 'params'>

const children = [{ id: 'a', restart: 'permanent' }, { id: 'b', restart: 'transient' }, { id: 'c', restart: 'temporary' }] as const
const policy = { maxRestarts: 1, windowMs: 50 }
const backoff = { minMs: 10, maxMs: 20, resetAfterMs: 60 }
/** No wait of the group is as short as this that is not the back-off. */
const longestBackoff = 20

const groupOf = (strategy: Strategy): SupervisorInput => ({ strategy, children, ...policy, backoff, endsWithChildren: false })
/** What the group of an actor that was spawned by itself is to the machine. */
const aloneAs = (restart: RestartType): SupervisorInput => ({ strategy: 'one-for-one', children: [{ id: 'only', restart }], ...policy, backoff, endsWithChildren: true })

/** Since the failure before, and jitter: at once, when the window has passed, when it was quiet for long. */
const chances = [[0, 0], [55, 0.95], [100, 0.95]] as const
/** While the back-off is running nothing is so late that it would be over. */
const whileWaiting = [[0, 0], [0, 0.95]] as const
/** No child has it: it stands for every earlier life. */
const earlier = 0

/**
 * What a group can be put through. Signals of an earlier incarnation no cell sends, since each of its lives ends with one report: they are given to
 * the group by hand. Left out, because no real group can come to it:
 * - `exited` of a child that is starting: who stops itself while it starts is reported as started first;
 * - `failed` and `exited` of a child that was asked to stop: what happens while a life is torn down belongs to its end, which is `stopped`;
 * - `started` of a child that is up, doomed, or was asked to stop, `stopped` of one that was not: the second report of one life;
 * - `start` after the first: a group is started once. `stop` before it: it belongs to nobody yet;
 * - a timer that was replaced: the group cancels it, and its clock does not call what was cancelled;
 * - of a group of one: `remove`, since to stop its actor is to stop it; an earlier life of an actor that is in its first.
 */
function events({ value, context }: Snapshot): SupervisorEvent[] {
  if (value === 'idle') return [{ type: 'start' }]
  const waits = context.nonces.running['backoff']
  const last = context.lastFailureAt ?? 0
  const now = waits === undefined ? last + context.delayMs : last
  const ends = (type: 'failed' | 'exited', { id, incarnation, restart }: SupervisedChild, some: readonly (readonly [number, number])[]): SupervisorEvent[] => {
    // When it comes does not matter where it is not followed by a restart.
    const counts = type === 'failed' ? restart !== 'temporary' : restart === 'permanent'
    return (counts ? some : chances.slice(0, 1)).map(([gap, jitter]) => ({ type, id, incarnation, time: Math.max(now, last + gap), jitter }))
  }
  const some = waits === undefined ? chances : whileWaiting
  const { children: all, spec: { endsWithChildren: alone } } = context
  const ofChild = (child: SupervisedChild): SupervisorEvent[] => {
    const { id, incarnation, status } = child
    const own: Partial<Record<ChildStatus, SupervisorEvent[]>> = {
      starting: [{ type: 'started', id, incarnation }, ...ends('failed', child, some.slice(0, 2))],
      up: [...ends('failed', child, some), ...ends('exited', child, some.slice(1, 2))],
      doomed: [...ends('failed', child, some.slice(0, 1)), ...ends('exited', child, some.slice(0, 1))],
      clearing: [{ type: 'stopped', id, incarnation }],
      removing: [{ type: 'stopped', id, incarnation }],
    }
    return [...own[status] ?? [], ...(alone ? [] : [{ type: 'remove' as const, id }])]
  }
  return [
    ...all.flatMap(ofChild),
    ...(['started', 'failed', 'exited', 'stopped'] as const).filter(() => !alone || all[0]!.incarnation > 1)
      .map((type, index): SupervisorEvent => ({ type, id: all[index % all.length]!.id, incarnation: earlier, time: now, jitter: 0 })),
    { type: 'stop' },
    ...(waits === undefined ? [] : [{ type: 'timer' as const, id: 'backoff', nonce: waits }]),
  ]
}

/** Times are told apart by how long ago they were, lives not at all; the back-off is at its longest after two failures. */
const key = ({ value, status, context }: Snapshot) => ({
  value, status, children: context.children.map((child) => `${child.id} ${child.status} ${Math.min(child.incarnation, context.spec.endsWithChildren ? 2 : 1)}`),
  ago: context.restarts.map((at) => (context.lastFailureAt ?? at) - at), attempt: Math.min(context.attempt, 1), delayMs: context.delayMs, waits: 'backoff' in context.nonces.running,
})

/** Cells do everything in microtasks that takes no time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Life {
  scope: BehaviourContext
  starting: Gate
  stopping: Gate
  /** It ends by itself. */
  leaving: boolean
}

/** The real group with real cells, whose children do what the tour says, on a clock of the test. */
function world({ strategy, children: some, endsWithChildren: alone }: SupervisorInput) {
  let clock: VirtualClock
  let jitter: number
  let lives: Map<string, Life>
  let owner: Owner & { escalated: boolean }
  let group: (OwnedGroup & Record<'started' | 'failed' | 'exited' | 'stopped', (cell: unknown, error?: unknown) => void>) | undefined
  let kernel: Kernel
  /** Before the group is started it has no cells. */
  let begun = false
  let told: Told[] = []
  let machine: Transition['snapshot'] | undefined
  const tell = (type: string, params: object): void => void told.push({ type, params })

  const behaviour = (id: string): Behaviour => ({
    kind: 'handlers', name: id, capacity: undefined, concurrency: 1, deadlineMs: undefined, redeliver: false,
    start(scope) {
      tell('startChild', { id, incarnation: scope.incarnation })
      const life: Life = { scope, starting: gate(), stopping: gate(), leaving: false }
      lives.set(id, life)
      scope.signal.addEventListener('abort', () => {
        if (!life.leaving) tell('stopChild', { id, incarnation: scope.incarnation })
      })
      return life.starting.promise as Promise<void>
    },
    handles: () => true,
    receive({ type }, scope) {
      if (type === 'exit') scope.stop()
      else throw new Error('as the tour says')
    },
    stop: (_scope, { kind }) => (kind === 'stopped' ? lives.get(id)!.stopping.promise as Promise<void> : undefined),
  })

  /** The virtual clock, on which the one timer of the group is seen. */
  const watched = (): Clock => ({
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    timer(ms, run) {
      const timer = clock.timer(ms, run)
      if (ms > longestBackoff) return timer
      tell('startTimer', { id: 'backoff', ms })
      return {
        cancel() {
          tell('cancelTimer', { id: 'backoff' })
          timer.cancel()
        },
      }
    },
  })

  const start = (): Promise<unknown> => {
    const [{ id, restart }] = some as [SupervisorInput['children'][number]]
    if (alone) return kernel.spawn(owner, { name: id, behaviour: behaviour(id) }, { id, supervision: { restart, ...policy, backoff } })
    return kernel.startGroup(owner, { strategy, intensity: policy, backoff, children: some.map((child) => ({ ...child, input: undefined, behaviour: behaviour(child.id) })) })
  }

  const happen = async (event: SupervisorEvent): Promise<void> => {
    if ('time' in event) {
      jitter = event.jitter
      if (event.time > clock.monotonic()) await clock.advance(event.time - clock.monotonic())
    }
    if ('incarnation' in event && event.incarnation === earlier) return group![event.type]({ id: event.id, incarnation: earlier }, new Error('long ago'))
    const life = 'id' in event ? lives.get(event.id) : undefined
    switch (event.type) {
      case 'start':
        begun = true
        start().catch(() => undefined)
        ;[group] = owner.groups as Set<never>
        for (const { id } of some) refs.set(id, kernel.registry.get(id) as AnyRef)
        return
      case 'started':
        return life!.starting.open()
      case 'failed':
      case 'exited':
        life!.leaving = true
        // One that is to go down with a sibling may be starting still.
        if (event.type === 'failed') life!.starting.fail(new Error('as the tour says'))
        life!.starting.open()
        await settle()
        if (life!.scope.signal.aborted) return
        life!.scope.self.tell({ type: event.type === 'failed' ? 'fail' : 'exit' })
        return
      case 'stopped':
        life!.starting.open()
        return life!.stopping.open()
      case 'remove':
        void refs.get(event.id)!.stop()
        return
      case 'stop':
        void group!.stop({})
        return
      case 'timer':
        await clock.advance(longestBackoff)
    }
  }
  const refs = new Map<string, AnyRef>()

  const observe = async (): Promise<Observed> => {
    await settle()
    const commands = told
    told = []
    const cells = Object.fromEntries([...owner.groups].flatMap((each) => each.nodes()).map(({ id, incarnation }) => [id, incarnation]))
    const alive = [...lives].filter(([, { scope }]) => !scope.signal.aborted).map(([id]) => id).sort()
    return { commands, state: { ...machine && { value: machine.value, children: (machine.context as Snapshot['context']).children }, ...begun && { cells }, groups: owner.groups.size, alive, escalated: owner.escalated } }
  }

  return {
    listen(message: unknown): void {
      machine = (message as Transition).snapshot
    },
    async reset(): Promise<Observed> {
      clock = new VirtualClock()
      lives = new Map()
      machine = group = undefined
      begun = false
      owner = { prefix: '', groups: new Set(), escalated: false, groupEscalated: () => { owner.escalated = true } }
      const nothing = (): void => {}
      kernel = new Kernel({
        clock: watched(), randomness: { next: () => jitter, id: () => 'id' }, logger: { debug: nothing, info: nothing, warn: nothing, error: nothing }, mailboxCapacity: 10,
        onEvent(event) {
          if (event.type === 'actor.stopped') tell('retireChild', { id: event.id, incarnation: event.incarnation })
          if (event.type === 'actor.escalated') tell('escalate', { id: event.id })
        },
      })
      told = []
      return observe()
    },
    async send(event: SupervisorEvent): Promise<Observed> {
      await happen(event)
      return observe()
    },
  }
}

/** As they can be seen from outside: a nonce cannot, nor the incarnation of an escalation. */
const seen = ({ type, params }: Told): string => {
  const { nonce: _, ...rest } = params as Record<string, unknown>
  if (type === 'escalate') delete rest['incarnation']
  return `${type} ${JSON.stringify(rest)}`
}

it.each([
  ...(['one-for-one', 'one-for-all', 'rest-for-one'] as const).map((strategy) => [`a group, ${strategy}`, groupOf(strategy), true] as const),
  ...(['permanent', 'transient', 'temporary'] as const).flatMap((restart) => [
    [`an actor by itself, ${restart}`, aloneAs(restart), true] as const,
    // Its group keeps no state before something happens, and begins otherwise when nobody watches.
    [`an actor by itself and unwatched, ${restart}`, aloneAs(restart), false] as const,
  ]),
])('real cells do what the supervisor machine does, along every transition: %s', { timeout: 120_000 }, async (_what, input, watched) => {
  const real = world(input)
  if (watched) transitions.subscribe(real.listen)
  const result = await conform(supervisorMachine, real, {
    events, key, input,
    state: ({ value, context, status }) => ({
      value, groups: value === 'idle' || status === 'done' ? 0 : 1, children: context.children,
      cells: Object.fromEntries(context.children.filter(({ status }) => status !== 'gone').map(({ id, incarnation }) => [id, incarnation])),
      alive: context.children.filter(({ status }) => ['starting', 'up', 'doomed'].includes(status)).map(({ id }) => id).sort(),
      escalated: value === 'escalated',
    }),
    commands: (expected, actual) => expected.map(seen).join() === actual.map(seen).join(),
  }).finally(() => transitions.unsubscribe(real.listen))
  expect(result.failure && [result.failure.message, ...result.failure.path.map(({ event }) => JSON.stringify(event))]).toBeUndefined()
  expect(result).toMatchObject({ ok: true })
  expect(result.covered).toBe(result.transitions)
})
