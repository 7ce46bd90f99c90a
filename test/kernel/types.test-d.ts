import { setup } from 'xstate'
import type { Context } from '../../src/kernel/types.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { defineMachineActor } from '../../src/kernel/define-machine.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'

// Checked by tsc alone: every line marked with @ts-expect-error must not compile.

declare const system: ActorSystem
declare function expectType<T>(value: T): void
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

const counter = defineActor({
  name: 'counter',
  state: (input: { start: number }, ctx) => {
    expectType<string>(ctx.id)
    return { n: input.start }
  },
  handlers: {
    add: (message: { by: number }, ctx) => {
      ctx.state.n += message.by
      expectType<number>(ctx.input.start)
      // @ts-expect-error the state has no such field
      ctx.state.nope = 1
    },
    get: (_, ctx) => ctx.state.n,
    label: async (message: { prefix: string }, ctx) => `${message.prefix}${ctx.state.n}`,
    bare: () => 'bare' as const,
    terminated: (message: { id: string }, ctx) => ctx.log.info({}, message.id),
  },
})

export async function checks(): Promise<void> {
  // @ts-expect-error the input is required
  await system.spawn(counter)
  // @ts-expect-error the input has the wrong type
  await system.spawn(counter, { input: { start: 'one' } })
  const ref = await system.spawn(counter, { input: { start: 1 }, id: 'c' })

  ref.tell({ type: 'add', by: 1 })
  ref.tell({ type: 'get' })
  // @ts-expect-error unknown message type
  ref.tell({ type: 'subtract', by: 1 })
  // @ts-expect-error wrong payload
  ref.tell({ type: 'add', by: 'one' })
  // @ts-expect-error missing payload
  ref.tell({ type: 'add' })
  // @ts-expect-error excess field
  ref.tell({ type: 'get', extra: 1 })
  // @ts-expect-error only the kernel sends it
  ref.tell({ type: 'terminated', id: 'x' })

  const n = await ref.ask({ type: 'get' })
  const isNumber: Equal<typeof n, number> = true
  const label = await ref.ask({ type: 'label', prefix: '#' }, { timeoutMs: 10 })
  const isString: Equal<typeof label, string> = true
  const bare = await ref.ask({ type: 'bare' })
  const isBare: Equal<typeof bare, 'bare'> = true
  // @ts-expect-error the reply is a number
  const wrong: string = await ref.ask({ type: 'get' })
  // @ts-expect-error wrong payload of an ask
  await ref.ask({ type: 'label', prefix: 1 })
  void [isNumber, isString, isBare, wrong]

  const plain = await system.spawn(defineActor({ name: 'plain', handlers: { ping: () => 'pong' } }))
  const pong = await plain.ask({ type: 'ping' })
  const isPong: Equal<typeof pong, string> = true
  void isPong
}

export const unannotated = defineActor({
  name: 'unannotated',
  state: () => ({ n: 0 }),
  handlers: {
    // @ts-expect-error a payload that is read must be declared
    bad: (message, ctx: Context<{ n: number }>) => ctx.state.n + message.by,
  },
})

const door = setup({
  types: {
    context: {} as { opened: number },
    events: {} as { type: 'open'; by: string } | { type: 'close' } | { type: 'timer'; id: string; nonce: number },
    input: {} as { start: number },
  },
  actions: {
    ring: (_args, _params: { times: number }) => {},
    startTimer: (_args, _params: { id: string; ms: number; nonce: number }) => {},
    lock: () => {},
  },
}).createMachine({ context: ({ input }) => ({ opened: input.start }) })

export async function machineChecks(): Promise<void> {
  const definition = defineMachineActor({
    name: 'door',
    machine: door,
    effects: {
      ring: (params, ctx) => {
        expectType<number>(params.times)
        expectType<number>(ctx.state.context.opened)
      },
      lock: (params) => expectType<undefined>(params),
    },
    reply: { open: (snapshot) => snapshot.context.opened },
  })
  // @ts-expect-error no such command
  defineMachineActor({ name: 'door', machine: door, effects: { ring: () => {}, lock: () => {}, knock: () => {} } })
  const numbered = defineMachineActor({ name: 'door', machine: door, input: (input: number, ctx) => ({ start: input + ctx.incarnation }), effects: { ring: () => {}, lock: () => {} } })
  await system.spawn(numbered, { input: 1 })
  // @ts-expect-error the input is a number
  await system.spawn(numbered, { input: { start: 1 } })
  // @ts-expect-error wrong params
  defineMachineActor({ name: 'door', machine: door, effects: { ring: (params: { times: string }) => params, lock: () => {} } })
  const ref = await system.spawn(definition, { input: { start: 1 } })
  // @ts-expect-error the input is required
  await system.spawn(definition)
  ref.tell({ type: 'close' })
  // @ts-expect-error unknown event
  ref.tell({ type: 'slam' })
  // @ts-expect-error wrong payload
  ref.tell({ type: 'open', by: 1 })
  // @ts-expect-error only the kernel sends it
  ref.tell({ type: 'timer', id: 'a', nonce: 1 })
  const opened = await ref.ask({ type: 'open', by: 'me' })
  const isNumber: Equal<typeof opened, number> = true
  const closed = await ref.ask({ type: 'close' })
  const isUndefined: Equal<typeof closed, undefined> = true
  void [isNumber, isUndefined]
}
