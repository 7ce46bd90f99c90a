import { expect, it } from 'vitest'
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts'
import { createRecent } from '../../../src/store/redis/recent.ts'

it('keeps what it has sent again as long as what is new: the server may lose its last second once more', async () => {
  const clock = new VirtualClock()
  const recent = createRecent(clock, 3_000, 1_000)
  let sent = 0
  recent.keep(10, async () => void sent++)
  await clock.advance(60_000)
  expect(await recent.repeatAll()).toEqual({ repeated: 1, refused: 0 })
  await clock.advance(500)
  recent.alive()
  await recent.repeatAll()
  expect(sent).toBe(2)
  await clock.advance(3_001)
  recent.alive()
  await recent.repeatAll()
  expect(sent).toBe(2)
})
