import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { assign, createActor, setup } from 'xstate'
import { systemClock } from '../../kernel/clock.ts'
import { defineMachineActor } from '../../kernel/define-machine.ts'
import { defineActor } from '../../kernel/define.ts'
import type { Logger } from '../../kernel/logger.ts'
import { createActorSystem } from '../../kernel/system.ts'
import { figure, pairedRatio, type BenchResult } from './figures.ts'
import { interleave, loadPeer, type Target } from './harness.ts'

export interface KernelBenchOptions {
  /** Rounds of each measurement; the median counts. Default 7. */
  rounds?: number
  /** Messages per round. Default 100,000. */
  messages?: number
  /** Idle actors. Default 100,000. */
  cells?: number
}

export const kernelTargets: readonly Target[] = [
  { name: 'tell / nact dispatch', atLeast: 3 },
  { name: 'machine cell / XState actor', atLeast: 0.8 },
  { name: 'idle cell', atMost: 2048 },
  { name: 'restart', atMost: 0.2 },
  { name: 'ask', atMost: 5 },
]

interface Nact {
  start(): NactRef
  stop(ref: NactRef): void
  spawn(parent: NactRef, f: (state: number, message: { by: number }) => number, name: string, options: { initialState: number }): NactRef
  dispatch(ref: NactRef, message: { by: number }): void
}
type NactRef = { readonly path: unknown }

/** Messages sent before waiting for all of them to be handled; below any mailbox's capacity. */
const burst = 500
const nothing = (): void => {}
const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Messages per second, in bursts; `send` gets what to call when the last of a burst was handled. */
async function rate(messages: number, send: (last: () => void) => void): Promise<number> {
  const start = systemClock.monotonic()
  for (let sent = 0; sent < messages; sent += burst) await new Promise<void>((resolve) => send(resolve))
  return messages / ((systemClock.monotonic() - start) / 1000)
}

async function tellRate(messages: number): Promise<number> {
  const system = createActorSystem({ logger: silent })
  let left = 0
  let last = nothing
  const counter = defineActor({
    name: 'counter',
    state: () => ({ n: 0 }),
    handlers: {
      add: (message: { by: number }, ctx) => {
        ctx.state.n += message.by
        if (--left === 0) last()
      },
    },
  })
  const ref = await system.spawn(counter)
  const result = await rate(messages, (resolve) => {
    left = burst
    last = resolve
    for (let n = 0; n < burst; n++) ref.tell({ type: 'add', by: 1 })
  })
  await system.stop()
  return result
}

async function nactRate(nact: Nact, messages: number): Promise<number> {
  const system = nact.start()
  let left = 0
  let last = nothing
  const count = (n: number, message: { by: number }): number => {
    if (--left === 0) last()
    return n + message.by
  }
  const ref = nact.spawn(system, count, 'counter', { initialState: 0 })
  const result = await rate(messages, (resolve) => {
    left = burst
    last = resolve
    for (let n = 0; n < burst; n++) nact.dispatch(ref, { by: 1 })
  })
  nact.stop(system)
  return result
}

const turnstile = setup({
  types: { context: {} as { coins: number }, events: {} as { type: 'coin' } | { type: 'push' } },
  actions: { count: assign({ coins: ({ context }) => context.coins + 1 }) },
}).createMachine({
  context: { coins: 0 },
  initial: 'locked',
  states: { locked: { on: { coin: { target: 'open', actions: 'count' } } }, open: { on: { push: 'locked' } } },
})
const events = [{ type: 'coin' }, { type: 'push' }] as const

async function machineRate(messages: number): Promise<number> {
  const system = createActorSystem({ logger: silent })
  const ref = await system.spawn(defineMachineActor({ name: 'turnstile', machine: turnstile, effects: {} }))
  const result = await rate(messages, (resolve) => {
    for (let n = 0; n < burst - 1; n++) ref.tell(events[n % 2]!)
    void ref.ask(events[1]).then(() => resolve())
  })
  await system.stop()
  return result
}

function xstateRate(messages: number): Promise<number> {
  const actor = createActor(turnstile).start()
  return rate(messages, (resolve) => {
    for (let n = 0; n < burst; n++) actor.send(events[n % 2]!)
    resolve()
  })
}

/** Round trip of one ask after the other, in microseconds. */
async function askTime(asks: number): Promise<number> {
  const system = createActorSystem({ logger: silent })
  const ref = await system.spawn(defineActor({ name: 'echo', handlers: { echo: (message: { n: number }) => message.n } }))
  const start = systemClock.monotonic()
  for (let n = 0; n < asks; n++) await ref.ask({ type: 'echo', n })
  const took = systemClock.monotonic() - start
  await system.stop()
  return (took / asks) * 1000
}

/** From a message that fails an actor to the first answer of its next incarnation, in milliseconds. */
async function restartTime(restarts: number): Promise<number> {
  const system = createActorSystem({ logger: silent })
  const fragile = defineActor({
    name: 'fragile',
    state: () => ({ n: 0 }),
    handlers: {
      fail: () => {
        throw new Error('on purpose')
      },
      ready: () => true,
    },
  })
  const ref = await system.spawn(fragile, { supervision: { maxRestarts: restarts, windowMs: 1, backoff: { minMs: 0, maxMs: 0 } } })
  const start = systemClock.monotonic()
  for (let n = 0; n < restarts; n++) {
    ref.tell({ type: 'fail' })
    await ref.ask({ type: 'ready' })
  }
  const took = systemClock.monotonic() - start
  await system.stop()
  return took / restarts
}

/** Bytes of heap per idle actor: cell, group, incarnation, state, ref, name and registry entry. */
async function idleBytes(cells: number, collect: () => void): Promise<number> {
  const system = createActorSystem({ logger: silent })
  const idle = defineActor({ name: 'idle', state: () => ({ n: 0 }), handlers: { get: (_, ctx) => ctx.state.n } })
  await system.spawn(idle)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < cells; n++) await system.spawn(idle)
  collect()
  const bytes = (process.memoryUsage().heapUsed - before) / cells
  // Also keeps them from being collected before they were weighed.
  const found = system.tree().children.length
  if (found !== cells + 1) throw new Error(`${found} actors run, not ${cells + 1}`)
  return bytes
}

/** The garbage collector, which Node hides unless it is asked. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return collect
}

/** Measures the kernel beside nact and bare XState. Throws `PeerMissing` where nact is not installed. */
export async function benchKernel(options: KernelBenchOptions = {}): Promise<BenchResult> {
  const { rounds = 7, messages = 100_000, cells = 100_000 } = options
  const nact = await loadPeer<Nact>('nact')
  const tells = await interleave(rounds, { ours: () => tellRate(messages), nact: () => nactRate(nact, Math.ceil(messages / 5)) })
  const machines = await interleave(rounds, { ours: () => machineRate(messages), bare: () => xstateRate(messages) })
  const times = await interleave(rounds, { ask: () => askTime(Math.ceil(messages / 5)), restart: () => restartTime(Math.ceil(messages / 100)) })
  const collect = collector()
  const idle = await interleave(Math.min(rounds, 3), { bytes: () => idleBytes(cells, collect) })
  return {
    bench: 'kernel',
    figures: {
      tell: figure(tells.ours, 'messages/s'),
      'nact dispatch': figure(tells.nact, 'messages/s'),
      'machine cell': figure(machines.ours, 'events/s'),
      'XState actor': figure(machines.bare, 'events/s'),
      ask: figure(times.ask, 'us'),
      restart: figure(times.restart, 'ms'),
      'idle cell': figure(idle.bytes, 'bytes'),
    },
    ratios: {
      'tell / nact dispatch': pairedRatio(tells.ours, tells.nact),
      'machine cell / XState actor': pairedRatio(machines.ours, machines.bare),
    },
  }
}
