import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sleep } from '../../src/kernel/clock.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'

describe('the virtual clock', () => {
  it('fires timers in the order of their times, then of their setting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ ms: fc.nat(50), cancel: fc.boolean() }), { maxLength: 60 }), async (plan) => {
        const clock = new VirtualClock(0)
        const fired: [number, number][] = []
        const timers = plan.map(({ ms }, index) => clock.timer(ms, () => fired.push([clock.now(), index])))
        plan.forEach(({ cancel }, index) => cancel && timers[index]?.cancel())
        await clock.advance(50)
        const expected = plan.flatMap(({ ms, cancel }, index) => (cancel ? [] : [[ms, index] as [number, number]])).sort((a, b) => a[0] - b[0] || a[1] - b[1])
        expect(fired).toEqual(expected)
        expect([clock.timers, clock.monotonic()]).toEqual([0, 50])
      }),
      { numRuns: 30 },
    )
  })

  it('lets what a timer sets off run before the next one fires', async () => {
    const clock = new VirtualClock()
    const log: string[] = []
    const walk = async (): Promise<void> => {
      for (const step of ['a', 'b', 'c']) {
        await sleep(clock, 10)
        log.push(`${step}@${clock.monotonic()}`)
      }
    }
    const walked = walk()
    clock.timer(15, () => log.push('timer@15'))
    await clock.advance(29)
    expect(log).toEqual(['a@10', 'timer@15', 'b@20'])
    await clock.advance(1)
    await walked
    expect(log.at(-1)).toBe('c@30')
  })

  it('ends a sleep when its signal aborts', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const slept = sleep(clock, 10, controller.signal)
    controller.abort(new Error('enough'))
    await expect(slept).rejects.toThrow('enough')
    await expect(sleep(clock, 10, controller.signal)).rejects.toThrow('enough')
    expect(clock.timers).toBe(0)
  })
})
