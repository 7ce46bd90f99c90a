import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { overHttp } from './clients.ts'
import { httpDoor } from './http-door.ts'

const key = 'a-key-of-many-characters'
const recall = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'memory_recall', arguments: { query: 'anything' } } }

const birds = ['heron', 'magpie', 'sparrow', 'kingfisher', 'owl']

function send(url: string, { method = 'POST', headers = {}, body = JSON.stringify(recall), until = 'end' }: { method?: string; headers?: Record<string, string>; body?: string; until?: 'end' | 'sent' } = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers } }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => resolve({ status: answer.statusCode ?? 0, text })).on('error', reject)
    })
    sent.on('error', (error) => (until === 'sent' ? resolve({ status: 0, text: '' }) : reject(error)))
    sent.end(body, () => { if (until === 'sent') setImmediate(() => sent.destroy()) })
  })
}

describe('who may call', () => {
  test('only whoever names this machine, and no page of elsewhere', async () => {
    const { url } = await httpDoor()
    expect((await send(url)).status).toBe(200)
    expect(await send(url, { headers: { host: 'evil.example' } })).toMatchObject({ status: 403, text: expect.stringMatching(/host_refused/) })
    expect(await send(url, { headers: { origin: 'https://evil.example' } })).toMatchObject({ status: 403, text: expect.stringMatching(/origin_refused/) })
    expect((await send(url, { headers: { origin: new URL(url).origin } })).status).toBe(200)
  })

  test('with a key, whoever has it', async () => {
    const { url } = await httpDoor({ mcpOnly: true, apiKey: key })
    expect(await send(url)).toMatchObject({ status: 401, text: expect.stringMatching(/key_refused/) })
    expect((await send(url, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
  })
})

describe('the door', () => {
  test('stands alone, or in the node beside the other routes', async () => {
    const alone = await httpDoor({ mcpOnly: true })
    expect((await send(`${alone.server.url}/rooms`, { method: 'GET', body: '' })).status).toBe(404)
    expect((await send(`${alone.server.url}/health`, { method: 'GET', body: '' })).status).toBe(200)
    const node = await httpDoor({})
    expect((await send(`${node.server.url}/rooms`, { method: 'GET', body: '' })).status).toBe(200)
    expect((await send(node.url)).status).toBe(200)
  })

  test('bound to a project, lets nobody choose another', async () => {
    const { url, hive } = await httpDoor({ mcpOnly: true, project: 'p' })
    await hive.memory.store({ text: 'The secret of q.', scope: { project: 'q' } })
    const client = await overHttp('2026', `${url}?project=q`)
    expect(await client.call('memory_recall', { query: 'secret' })).toMatchObject({ isError: true, text: expect.stringMatching(/scope_forbidden/) })
    expect((await (await overHttp('2026', url)).call('memory_recall', { query: 'secret' })).structured.hits).toEqual([])
  })

  test.each([
    ['no JSON', { body: '{nope' }, 400, /-32700/],
    ['no request', { body: '[]' }, 400, /"error"/],
    ['an unknown method', { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'memory/explode' }) }, 200, /-32601/],
    ['an unknown tool', { body: JSON.stringify({ ...recall, params: { name: 'nope', arguments: {} } }) }, 200, /nope/],
    ['another media type', { headers: { 'content-type': 'text/plain' } }, 415, /Content-Type/i],
    ['GET', { method: 'GET', body: '' }, 405, /./],
    ['five megabytes', { body: JSON.stringify({ ...recall, pad: 'x'.repeat(5 * 2 ** 20) }) }, 413, /./],
  ])('answers %s', async (_, how, status, text) => {
    const { url } = await httpDoor()
    expect(await send(url, how)).toEqual({ status, text: expect.stringMatching(text) })
  })

  test('serves many clients at once, of both protocols, and forgets those that go away in the middle', async () => {
    const { url } = await httpDoor()
    const gone = Array.from({ length: 30 }, () => send(url, { until: 'sent' }))
    const clients = await Promise.all(Array.from({ length: 10 }, (_, index) => overHttp(index % 2 === 0 ? '2025' : '2026', `${url}?project=p${index}`)))
    await Promise.all(clients.flatMap((client, index) => birds.map((bird) => client.call('memory_store', { text: `Client ${index} saw a ${bird}.` }))))
    await Promise.all(gone)
    for (const [index, client] of clients.entries()) {
      const { structured } = await client.call('memory_recall', { query: 'which bird did the client see', limit: 50 })
      expect(structured.hits.map(({ text }: { text: string }) => text).sort()).toEqual(birds.map((bird) => `Client ${index} saw a ${bird}.`).sort())
    }
  })

  test('closes while a client holds a stream open', async () => {
    const { url, close } = await httpDoor()
    const client = await overHttp('2026', url)
    await client.listen()
    await close()
    await expect(client.call('memory_recall', { query: 'x' })).rejects.toThrow()
  })
})
