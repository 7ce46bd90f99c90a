import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/index.ts'
import { createConfirmations } from '../../src/mcp/confirm.ts'
import { folder, overHttp, overStdio } from './clients.ts'
import type { Client, ClientOptions } from './clients.ts'
import { httpDoor } from './http-door.ts'

/** Two memories of a session with a saved state, one of another. */
async function fill(client: Client): Promise<void> {
  for (const [text, session] of [['The kettle is blue.', 's1'], ['The stove is hot today.', 's1'], ['Sparrows sing outside.', 's2']]) await client.call('memory_store', { text, session })
  await client.call('memory_context', { session: 's1', set: { currentTask: 'cook' } })
}

const left = async (client: Client): Promise<number> => (await client.call('memory_clear', { all: true })).structured.count

describe('a user who can be asked', () => {
  const doors = {
    'over HTTP (2026)': async (options: ClientOptions) => overHttp('2026', `${(await httpDoor()).url}?project=p`, options),
    'over stdio (2026)': (options: ClientOptions) => overStdio('2026', folder(), ['--project', 'p'], undefined, options),
    'over stdio (2025)': (options: ClientOptions) => overStdio('2025', folder(), ['--project', 'p'], undefined, options),
  }
  test.each(Object.entries(doors))('%s decides', { timeout: 60_000 }, async (_, connect) => {
    const asked: string[] = []
    let reply: ReturnType<NonNullable<ClientOptions['answer']>> = { action: 'decline' }
    const client = await connect({ answer: (message) => {
      asked.push(message)
      return reply
    } })
    await fill(client)
    for (const no of [{ action: 'decline' }, { action: 'cancel' }, { action: 'accept', content: { confirm: false } }] as const) {
      reply = no
      expect((await client.call('memory_clear', { session: 's1' })).structured).toEqual({ cleared: false, count: 2, fields: 1, reason: 'the user did not agree' })
    }
    expect(asked[0]).toBe('Forget 2 memories of the project "p" of the session "s1", and take away 1 field of its state? Memories can be brought back.')
    // A model that makes up a confirmation does not get around the user, and is given none.
    expect((await client.call('memory_clear', { session: 's1', confirm: 'x.y' })).structured).toEqual({ cleared: false, count: 2, fields: 1, reason: 'the user did not agree' })
    reply = { action: 'accept', content: { confirm: true } }
    expect((await client.call('memory_clear', { session: 's1' })).structured).toEqual({ cleared: true, count: 2, fields: 1 })
    expect((await client.call('memory_context', { session: 's1' })).structured.fields).toEqual({})
    expect((await client.call('memory_recall', { query: 'kettle' })).structured.hits.map(({ text }: any) => text)).not.toContain('The kettle is blue.')
    expect((await client.call('memory_recall', { query: 'sparrows' })).structured.hits).toHaveLength(1)
  })
})

describe('nobody to ask: a dry run gives a token', () => {
  test('which does exactly what was shown', async () => {
    const { url } = await httpDoor()
    const client = await overHttp('2025', `${url}?project=p`, { answer: () => ({ action: 'accept', content: { confirm: true } }) })
    await fill(client)
    const shown = await client.call('memory_clear', { session: 's1' })
    expect(shown.structured).toMatchObject({ cleared: false, count: 2, fields: 1, reason: 'nothing was cleared yet' })
    expect(shown.text).toContain(`confirm: "${shown.structured.confirm}"`)
    expect(await left(client)).toBe(3)

    const { confirm } = shown.structured
    for (const other of [{ all: true }, { session: 's2' }, { session: 's1', kinds: ['episodic'] }]) {
      expect((await client.call('memory_clear', { ...other, confirm })).structured).toMatchObject({ cleared: false, reason: expect.stringMatching(/of another selection/) })
    }
    // As many, of another kind of choice: the count alone does not tell them apart.
    const episodic = await client.call('memory_clear', { session: 's1', kinds: ['episodic'] })
    const before = { session: 's1', before: '2100-01-01T00:00:00Z' }
    expect((await client.call('memory_clear', before)).structured).toMatchObject({ count: episodic.structured.count, fields: episodic.structured.fields })
    expect((await client.call('memory_clear', { ...before, confirm: episodic.structured.confirm })).structured).toMatchObject({ cleared: false })
    await client.call('memory_store', { text: 'A third thing happened in the kitchen.', session: 's1' })
    const grown = await client.call('memory_clear', { session: 's1', confirm })
    expect(grown.structured).toMatchObject({ cleared: false, count: 3, reason: expect.stringMatching(/more or fewer/) })
    expect((await client.call('memory_clear', { session: 's1', confirm: grown.structured.confirm })).structured).toEqual({ cleared: true, count: 3, fields: 1 })
    expect(await left(client)).toBe(1)
  })

  test('a token holds for five minutes, for its selection, in its process', async () => {
    const clock = new VirtualClock()
    const confirmations = createConfirmations(clock)
    const token = confirmations.token({ session: 's', count: 2 })
    expect(confirmations.refuse(token, { session: 's', count: 2 })).toBeUndefined()
    expect(confirmations.refuse(token, { session: 's', count: 3 })).toMatch(/another selection/)
    expect(createConfirmations(clock).refuse(token, { session: 's', count: 2 })).toMatch(/another selection/)
    for (const bad of ['', '.', 'x', `zzzzzzzzzz.${token.split('.')[1]}`, token.slice(0, -1)]) expect(confirmations.refuse(bad, { session: 's', count: 2 })).toBeDefined()
    await clock.advance(5 * 60_000 + 1)
    expect(confirmations.refuse(token, { session: 's', count: 2 })).toMatch(/older than five minutes/)
  })
})
