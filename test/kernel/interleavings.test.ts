import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineActor } from '../../src/kernel/define.ts'
import { defineSupervisor } from '../../src/kernel/define-supervisor.ts'
import type { AnyRef, KernelEvent } from '../../src/kernel/types.ts'
import { createWorld } from './world.ts'

type Step =
  | { do: 'tell' | 'slow' | 'ask' | 'boom' | 'finish'; to: number }
  | { do: 'stop'; to: number; drainMs: number }
  | { do: 'wait'; ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('tell', 'slow', 'ask', 'boom'), to: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(0, 1, 5, 30) }) },
  { weight: 1, arbitrary: fc.oneof(fc.record({ do: fc.constant('finish'), to: fc.nat(2) }), fc.record({ do: fc.constant('stop'), to: fc.nat(2), drainMs: fc.constantFrom(0, 4) })) },
) as fc.Arbitrary<Step>

describe('whatever happens in whatever order', () => {
  it('messages stay in order, asks settle once, nothing is lost untold, nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom('one-for-one' as const, 'one-for-all' as const, 'rest-for-one' as const),
        fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const),
        fc.boolean(),
        async (plan, strategy, restart, redeliver) => {
          const { system, clock, events, lines } = createWorld()
          /** Numbers each child began to handle, and its live incarnation. */
          const begun: number[][] = [[], [], []]
          const live: (number | undefined)[] = [undefined, undefined, undefined]
          const begin = (which: number, n: number, incarnation: number): void => {
            expect(incarnation).toBe(live[which])
            begun[which]?.push(n)
          }
          let booms = 0
          const child = (which: number) =>
            defineActor({
              name: `child${which}`,
              mailbox: { capacity: 8 },
              redeliver,
              deadlineMs: 20,
              state: (_input: undefined, ctx) => {
                expect(live[which]).toBeUndefined()
                live[which] = ctx.incarnation
              },
              handlers: {
                tell: (message: { n: number }, ctx) => begin(which, message.n, ctx.incarnation),
                slow: async (message: { n: number }, ctx) => {
                  begin(which, message.n, ctx.incarnation)
                  await new Promise<void>((resolve) => clock.timer(message.n % 3 === 0 ? 40 : 3, resolve))
                  if (message.n % 6 === 0) throw new Error('too late to matter')
                },
                ask: (message: { n: number }, ctx) => {
                  begin(which, message.n, ctx.incarnation)
                  return message.n
                },
                boom: (message: { n: number }, ctx) => {
                  begin(which, message.n, ctx.incarnation)
                  // Redelivered for ever it would only ever escalate.
                  if (booms++ % 3 < 2) throw new Error('boom')
                },
                finish: (message: { n: number }, ctx) => {
                  begin(which, message.n, ctx.incarnation)
                  ctx.stop()
                },
              },
              stop: (ctx) => {
                expect(live[which]).toBe(ctx.incarnation)
                live[which] = undefined
              },
            })
          const supervisor = defineSupervisor({
            name: 'family',
            strategy,
            children: [0, 1, 2].map((which) => ({ id: `c${which}`, definition: child(which), restart })),
            intensity: { maxRestarts: 6, windowMs: 100 },
            backoff: { minMs: 2, maxMs: 10 },
          })
          await system.spawn(supervisor, { id: 's', supervision: { restart: 'temporary' } })
          const refs = [0, 1, 2].map((which) => system.lookup(`s/c${which}`) as AnyRef)

          const sent: number[][] = [[], [], []]
          const asked: { n: number; outcome: Promise<string> }[] = []
          let n = 0
          for (const next of plan) {
            if (next.do === 'wait') await clock.advance(next.ms)
            else if (next.do === 'stop') void refs[next.to]?.stop({ drainMs: next.drainMs, graceMs: 10 })
            else if (next.do === 'ask') {
              n++
              sent[next.to]?.push(n)
              const number = n
              asked.push({
                n,
                outcome: (refs[next.to] as AnyRef).ask({ type: 'ask', n }, { timeoutMs: 25 }).then(
                  (value: number) => (expect(value).toBe(number), 'answered'),
                  (error: { code: string }) => error.code,
                ),
              })
            } else {
              n++
              sent[next.to]?.push(n)
              try {
                refs[next.to]?.tell({ type: next.do, n })
              } catch (error) {
                expect(error).toMatchObject({ code: 'mailbox_full' })
              }
            }
          }
          await clock.advance(500)
          const stopped = system.stop({ graceMs: 10 })
          await clock.advance(500)
          await stopped

          const outcomes = new Map<number, string>()
          for (const { n: number, outcome } of asked) outcomes.set(number, await outcome)
          const dead = new Set(system.deadLetters.list().map((letter) => (letter.message as unknown as { n: number }).n))
          expect(dead.size).toBe(system.deadLetters.list().length)
          for (const which of [0, 1, 2]) {
            const handled = begun[which] as number[]
            // In order; only a redelivered message may come again.
            for (let i = 1; i < handled.length; i++) {
              if (redeliver) expect(handled[i]).toBeGreaterThanOrEqual(handled[i - 1] as number)
              else expect(handled[i]).toBeGreaterThan(handled[i - 1] as number)
            }
            // Handled, or a dead letter, or an ask that nobody waited for any more.
            for (const number of sent[which] as number[]) {
              const accounted = handled.includes(number) || dead.has(number) || outcomes.get(number) === 'ask_timeout'
              expect({ number, accounted }).toEqual({ number, accounted: true })
            }
            for (const number of sent[which] as number[]) {
              if (outcomes.get(number) === 'answered') expect(handled).toContain(number)
            }
          }
          expect([...outcomes.values()].filter((outcome) => !['answered', 'ask_timeout', 'actor_stopped', 'actor_crashed', 'mailbox_full'].includes(outcome))).toEqual([])

          // No orphan: every incarnation that started has ended, every actor has, and no timer runs.
          expect(live).toEqual([undefined, undefined, undefined])
          expect(system.tree().children).toEqual([])
          expect(clock.timers).toBe(0)
          expect(system.lookup('s/c0')).toBeUndefined()
          expectOrderlyLives(events)
          expect(lines.filter((line) => /stop hook|observer/.test(line))).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** Per actor: incarnations start one by one, only the live one crashes, it is stopped once and last. */
function expectOrderlyLives(events: readonly KernelEvent[]): void {
  const lives = new Map<string, { incarnation: number; stopped: boolean }>()
  for (const event of events) {
    if (event.type === 'deadletter.added' || event.type === 'actor.escalated') continue
    const life = lives.get(event.id) ?? { incarnation: 0, stopped: false }
    lives.set(event.id, life)
    expect({ event, stopped: life.stopped }).toMatchObject({ stopped: false })
    if (event.type === 'actor.started' || event.type === 'actor.restarted') {
      expect(event.incarnation).toBe(life.incarnation + 1)
      life.incarnation = event.incarnation
    } else {
      expect(event.incarnation).toBe(life.incarnation)
      life.stopped = event.type === 'actor.stopped'
    }
  }
  for (const life of lives.values()) expect(life.stopped).toBe(true)
}
