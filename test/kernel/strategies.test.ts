import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import { defineSupervisor } from '../../src/kernel/define-supervisor.ts'
import type { SupervisorOptions } from '../../src/kernel/define-supervisor.ts'
import type { AnyRef, TreeNode } from '../../src/kernel/types.ts'
import { createWorld } from './world.ts'

/** Children that note their starts and stops, e.g. `+a`, `-a`. */
function noted(log: string[]) {
  return defineActor({
    name: 'noted',
    state: (_input: undefined, ctx) => void log.push(`+${ctx.id.split('/').at(-1)}`),
    handlers: {
      boom: () => {
        throw new Error('boom')
      },
      incarnation: (_, ctx) => ctx.incarnation,
      finish: (_, ctx) => ctx.stop(),
    },
    stop: (ctx) => void log.push(`-${ctx.id.split('/').at(-1)}`),
  })
}

async function family(options: Pick<SupervisorOptions, 'strategy'> & Partial<SupervisorOptions>, restarts: Record<string, 'permanent' | 'transient' | 'temporary'> = {}) {
  const world = createWorld()
  const log: string[] = []
  const definition = noted(log)
  const supervisor = defineSupervisor({
    name: 'family',
    children: ['a', 'b', 'c'].map((id) => ({ id, definition, restart: restarts[id] })),
    backoff: { maxMs: 0 },
    ...options,
  })
  const ref = await world.system.spawn(supervisor, { id: 's' })
  const child = (id: string): AnyRef => {
    const found = world.system.lookup(`s/${id}`)
    if (found === undefined) throw new Error(`no ${id}`)
    return found
  }
  return { ...world, log, ref, child }
}

describe('a supervisor', () => {
  it('starts its children in order and stops them in reverse', async () => {
    const { log, ref, system } = await family({ strategy: 'one-for-one' })
    expect(log).toEqual(['+a', '+b', '+c'])
    expect(system.tree().children.map((node: TreeNode) => [node.id, node.kind, node.children.map((child) => child.id)])).toEqual([['s', 'supervisor', ['s/a', 's/b', 's/c']]])
    await ref.stop()
    expect(log).toEqual(['+a', '+b', '+c', '-c', '-b', '-a'])
    expect(system.lookup('s/a')).toBeUndefined()
  })

  it.each([
    ['one-for-one', ['-b', '+b']],
    ['one-for-all', ['-b', '-c', '-a', '+a', '+b', '+c']],
    ['rest-for-one', ['-b', '-c', '+b', '+c']],
  ] as const)('restarts what its strategy says: %s', async (strategy, expected) => {
    const { log, child, clock } = await family({ strategy })
    log.length = 0
    child('b').tell({ type: 'boom' })
    await clock.settle()
    expect(log).toEqual(expected)
    expect(await Promise.all(['a', 'b', 'c'].map((id) => child(id).ask({ type: 'incarnation' })))).toEqual(
      ['a', 'b', 'c'].map((id) => (expected as readonly string[]).includes(`+${id}`) ? 2 : 1),
    )
  })

  it('keeps the mailboxes of those it takes down', async () => {
    const { child, clock } = await family({ strategy: 'one-for-all', backoff: { minMs: 100, maxMs: 100 } })
    child('b').tell({ type: 'boom' })
    await clock.settle()
    const asked = child('a').ask({ type: 'incarnation' })
    await clock.advance(100)
    expect(await asked).toBe(2)
  })

  it('does not start a temporary child again, nor one that was stopped', async () => {
    const { log, child, clock, system } = await family({ strategy: 'one-for-all' }, { a: 'temporary' })
    await child('c').stop()
    log.length = 0
    child('b').tell({ type: 'boom' })
    await clock.settle()
    expect(log).toEqual(['-b', '-a', '+b'])
    expect(system.tree().children[0]?.children.map((node) => node.id)).toEqual(['s/b'])
  })

  it('waits no longer when the child it waits for is stopped', async () => {
    const { child, clock, system } = await family({ strategy: 'one-for-one', backoff: { minMs: 100 } })
    child('b').tell({ type: 'boom' })
    await clock.settle()
    expect(clock.timers).toBe(1)
    await child('b').stop()
    expect(clock.timers).toBe(0)
    expect(system.tree().children[0]?.children.map((node) => node.id)).toEqual(['s/a', 's/c'])
  })

  it('lets a child finish, and runs on without children', async () => {
    const { child, clock, system } = await family({ strategy: 'rest-for-one' })
    for (const id of ['a', 'b', 'c']) child(id).tell({ type: 'finish' })
    await clock.settle()
    expect(system.tree().children[0]).toMatchObject({ id: 's', state: 'running', children: [] })
  })

  it('escalates: stops all children, fails, and is restarted by whoever supervises it', async () => {
    const { log, child, clock, story, system } = await family({ strategy: 'one-for-one', intensity: { maxRestarts: 1, windowMs: 1000 } })
    child('b').tell({ type: 'boom' })
    await clock.settle()
    log.length = 0
    child('b').tell({ type: 'boom' })
    await clock.settle()
    expect(log).toEqual(['-b', '-c', '-a'])
    expect(story().slice(-7)).toEqual(['crashed s/b', 'dead crashed', 'stopped s/b', 'stopped s/c', 'stopped s/a', 'escalated s/b', 'crashed s'])
    await clock.advance(100)
    expect(log).toEqual(['-b', '-c', '-a', '+a', '+b', '+c'])
    expect(system.tree().children[0]).toMatchObject({ id: 's', incarnation: 2 })
  })

  it('passes an escalation up through nested supervisors', async () => {
    const { system, clock } = createWorld()
    const log: string[] = []
    const strict = { maxRestarts: 0, windowMs: 1000 }
    const inner = defineSupervisor({ name: 'inner', strategy: 'one-for-one', intensity: strict, children: [{ id: 'leaf', definition: noted(log) }] })
    const outer = defineSupervisor({ name: 'outer', strategy: 'one-for-one', intensity: strict, children: [{ id: 'inner', definition: inner }] })
    const ref = await system.spawn(outer, { id: 'outer', supervision: { maxRestarts: 0 } })
    const ended = system.watch(ref)
    system.lookup('outer/inner/leaf')?.tell({ type: 'boom' })
    const { error } = await ended
    const codes: string[] = []
    for (let cause = error as { code: string; actor: string; cause?: unknown } | undefined; cause?.code; cause = cause.cause as typeof cause) codes.push(cause.actor)
    expect(codes).toEqual(['outer', 'outer/inner', 'outer/inner/leaf'])
    await clock.settle()
    expect(log).toEqual(['+leaf', '-leaf'])
    expect(system.tree().children).toEqual([])
  })

  it('retries a child that does not start, and keeps the order', async () => {
    const { system, clock } = createWorld()
    const log: string[] = []
    let failures = 1
    const shaky = defineActor({
      name: 'shaky',
      state: () => {
        if (failures-- > 0) throw new Error('no start')
        log.push('+shaky')
      },
      handlers: {},
    })
    const supervisor = defineSupervisor({
      name: 's',
      strategy: 'rest-for-one',
      children: [{ id: 'a', definition: noted(log) }, { id: 'shaky', definition: shaky }, { id: 'c', definition: noted(log) }],
    })
    const spawned = system.spawn(supervisor)
    await clock.advance(50)
    expect(log).toEqual(['+a'])
    await clock.advance(50)
    await spawned
    expect(log).toEqual(['+a', '+shaky', '+c'])
  })

  it('refuses child ids that clash', async () => {
    const definition = noted([])
    expect(() => defineSupervisor({ name: 's', strategy: 'one-for-one', children: [{ id: 'a', definition }, { id: 'a', definition }] })).toThrow(/twice/)
    expect(() => defineSupervisor({ name: 's', strategy: 'one-for-one', children: [{ id: 'a/b', definition }] })).toThrow(/a\/b/)
    expect(() => defineSupervisor({ name: 's', strategy: 'all' as never, children: [] })).toThrow(/strategy/)
  })
})

describe('children of an actor', () => {
  const parent = (log: string[]) =>
    defineActor({
      name: 'parent',
      state: async (_input: undefined, ctx) => {
        log.push(`+parent`)
        await ctx.spawn(noted(log), { id: 'x', supervision: { maxRestarts: 0 } })
        await ctx.spawn(noted(log), { id: 'y' })
      },
      handlers: {
        boom: () => {
          throw new Error('boom')
        },
        spawnTaken: (_message: {}, ctx) => ctx.spawn(noted(log), { id: 'x' }),
      },
      stop: () => void log.push('-parent'),
    })

  it('stop in reverse before it stops', async () => {
    const { system } = createWorld()
    const log: string[] = []
    const ref = await system.spawn(parent(log), { id: 'p' })
    expect(system.lookup('p/x')).toBeDefined()
    await ref.stop()
    expect(log).toEqual(['+parent', '+x', '+y', '-y', '-x', '-parent'])
    expect(system.lookup('p/x')).toBeUndefined()
  })

  it('stop before it is restarted, and start with it', async () => {
    const { system, clock } = createWorld()
    const log: string[] = []
    const ref = await system.spawn(parent(log), { id: 'p', supervision: { backoff: { maxMs: 0 } } })
    log.length = 0
    ref.tell({ type: 'boom' })
    await clock.settle()
    expect(log).toEqual(['-y', '-x', '-parent', '+parent', '+x', '+y'])
  })

  it('fail it when they escalate', async () => {
    const { system, clock, story } = createWorld()
    const log: string[] = []
    await system.spawn(parent(log), { id: 'p', supervision: { backoff: { maxMs: 0 } } })
    system.lookup('p/x')?.tell({ type: 'boom' })
    await clock.settle()
    expect(story()).toContain('crashed p')
    expect(log.slice(-3)).toEqual(['+parent', '+x', '+y'])
  })

  it('need a name that is free', async () => {
    const { system } = createWorld()
    const ref = await system.spawn(parent([]), { id: 'p' })
    await expect(ref.ask({ type: 'spawnTaken' })).rejects.toMatchObject({ cause: { code: 'actor_exists', actor: 'p/x' } })
    await expect(system.spawn(parent([]), { id: 'p' })).rejects.toMatchObject({ code: 'actor_exists' })
    await expect(system.spawn(parent([]), { id: 'p/q' })).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
