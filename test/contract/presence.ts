import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Presence } from '../../src/store/ports.ts'

/** What `src/store/ports.ts` promises of `Presence`. Waits for expiry are on the real clock. */
export function presenceContract(name: string, open: () => Promise<{ presence: Presence; close(): Promise<void> }>): void {
  describe(`${name}: presence`, () => {
    let fixture: { presence: Presence; close(): Promise<void> }
    beforeAll(async () => {
      fixture = await open()
    })
    afterAll(async () => {
      await fixture?.close()
    })

    it('lists who announced itself, sorted, with the last summary', async () => {
      const { presence } = fixture
      await presence.announce('b', { roles: ['memory'] }, 60_000)
      await presence.announce('a', 1, 60_000)
      await presence.announce('a', { pid: 2, 'ünï': null }, 30_000)
      const nodes = await presence.list()
      expect(nodes.map(({ node, summary }) => ({ node, summary }))).toEqual([{ node: 'a', summary: { pid: 2, 'ünï': null } }, { node: 'b', summary: { roles: ['memory'] } }])
      expect(nodes[0]!.remainingMs).toBeGreaterThan(25_000)
      expect(nodes[0]!.remainingMs).toBeLessThanOrEqual(30_000)
    })

    it('forgets who withdraws', async () => {
      const { presence } = fixture
      await presence.announce('gone', {}, 60_000)
      expect(await presence.withdraw('gone')).toBe(true)
      expect(await presence.withdraw('gone')).toBe(false)
      expect((await presence.list()).some(({ node }) => node === 'gone')).toBe(false)
    })

    it('forgets who is not heard of in time', async () => {
      const { presence } = fixture
      await presence.announce('short', {}, 30)
      while ((await presence.list()).some(({ node }) => node === 'short')) await new Promise((resolve) => setImmediate(resolve))
      expect(await presence.withdraw('short')).toBe(false)
    })
  })
}
