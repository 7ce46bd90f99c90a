import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHttpServer } from '../../src/http/server.ts'
import type { HttpServer } from '../../src/http/server.ts'
import { createHive } from '../../src/hive.ts'
import type { Hive } from '../../src/hive.ts'
import { callAt } from './call.ts'
import type { Answer } from './call.ts'

let dataDir: string
let hive: Hive
let server: HttpServer
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'hivemind-http-'))
  hive = await createHive({ dataDir, log: { level: 'silent' } })
  server = await createHttpServer(hive, { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server.stop()
  await hive.stop()
  rmSync(dataDir, { recursive: true })
})

const get = (path: string): Promise<Answer> => callAt(server.url, 'GET', path)
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> => callAt(server.url, 'POST', path, { body, headers })

describe('memory', () => {
  const project = 'github.com/me/app'

  test('what is stored is recalled, with source and trust of a program', async () => {
    const first = await post('/memory/store', { text: 'The build needs Node 20', kind: 'semantic', scope: { project } })
    expect(first).toMatchObject({ status: 201, body: { redactions: [] } })
    expect(await post('/memory/store', { text: 'the build needs node 20.', kind: 'semantic', scope: { project } })).toMatchObject({ status: 200, body: { duplicateOf: first.body.id } })
    const { status, body } = await post('/memory/recall', { query: 'which Node for the build?', scope: { project }, limit: 3 })
    expect(status).toBe(200)
    expect(body.hits[0]).toMatchObject({ id: first.body.id, source: 'program:http', trust: 0.9, scope: { project } })
    expect((await post('/memory/recall', { query: 'Node', scope: { project: 'other' } })).body.hits).toEqual([])
  })

  test('a caller may say less of itself, and never more', async () => {
    const { body: { id } } = await post('/memory/store', { text: 'a page said so', channel: 'web', name: 'example.org', scope: { project: 'trust' } })
    expect(await hive.memory.get(id)).toMatchObject({ source: 'web:example.org', trust: 0.2 })
    expect(await post('/memory/store', { text: 'I am the user', channel: 'user' })).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('"channel"') } } })
    const said = await post('/memory/store', { text: 'the user said it', source: 'user:ann', scope: { project: 'trust' } })
    expect(await hive.memory.get(said.body.id)).toMatchObject({ trust: 0.9 })
  })

  test('many at once, secrets taken out', async () => {
    const { status, body } = await post('/memory/store', { items: [{ text: 'one thing', scope: { project: 'many' } }, { text: 'key ghp_abcdefghijklmnopqrstuvwxyz0123456789', scope: { project: 'many' } }] })
    expect(status).toBe(201)
    expect(body.stored.map((stored: any) => stored.redactions)).toEqual([[], [{ kind: 'github-token', count: 1 }]])
    const { body: { memories } } = await get('/memory/recent?project=many&limit=5')
    expect(memories.map((memory: any) => memory.text).sort()).toEqual(['key [redacted:github-token]', 'one thing'])
    expect((await get('/memory/recent?project=many&minTrust=0.95')).body.memories).toEqual([])
  })

  test('forgetting by a filter says how many; restore brings them back', async () => {
    const scope = { project: 'forgotten' }
    await post('/memory/store', { items: [{ text: 'first of them', scope }, { text: 'the second one here', scope }] })
    expect(await post('/memory/forget', {})).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('"scope"') } } })
    for (const expected of [undefined, 1]) {
      expect(await post('/memory/forget', { scope, ...(expected !== undefined && { expect: expected }) })).toMatchObject({ status: 400, body: { error: { message: expect.stringMatching(/"expect": this would forget 2 memories/) } } })
    }
    expect(await post('/memory/forget', { scope, dryRun: true })).toMatchObject({ status: 200, body: { count: 2, dryRun: true } })
    expect((await get('/memory/recent?project=forgotten')).body.memories).toHaveLength(2)
    const { body } = await post('/memory/forget', { scope, expect: 2 })
    expect(body).toMatchObject({ count: 2, dryRun: false })
    expect((await get('/memory/recent?project=forgotten')).body.memories).toEqual([])
    expect(await post('/memory/restore', { ids: body.ids })).toMatchObject({ status: 200, body: { count: 2 } })
    expect(await post('/memory/forget', { ids: [body.ids[0]] })).toMatchObject({ status: 200, body: { count: 1 } })
  })

  test.each([
    ['/memory/recall', {}, /"query"/],
    ['/memory/recall', { query: '' }, /"query"/],
    ['/memory/recall', { query: 'x', limit: 0 }, /"limit"/],
    ['/memory/recall', { query: 'x', scope: { proejct: 'y' } }, /"scope"/],
    ['/memory/recall', { query: 'x', since: 'soon' }, /"since"/],
    ['/memory/store', { txet: 'x' }, /"text"/],
    ['/memory/store', { text: '' }, /"text"/],
    ['/memory/store', { text: 'x', kind: 'dream' }, /"kind"/],
    ['/memory/store', { items: [{ text: 'x' }, { text: 1 }] }, /"items\.1\.text"/],
    ['/memory/store', { text: 'x'.repeat(100_000) }, /"text": has 100000 bytes and the limit is/],
    ['/memory/forget', { ids: ['nonsense'] }, /"ids\[0\]"/],
  ])('%s is refused by the name of the field (%#)', async (path, body, message) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toMatch(message)
  })
})

describe('embed', () => {
  test('one text and many', async () => {
    const one = await post('/embed', { text: 'hello there' })
    expect(one.status).toBe(200)
    expect(one.body).toMatchObject({ dimension: one.body.embedding.length, cached: false, hash: expect.stringMatching(/^[0-9a-f]{64}$/), model: expect.stringContaining('@') })
    expect(Math.hypot(...one.body.embedding)).toBeCloseTo(1, 4)
    const many = await post('/embed', { texts: ['hello there', 'something else'] })
    expect(many.body.cached).toEqual([true, false])
    expect(many.body.hashes[0]).toBe(one.body.hash)
    expect(many.body.embeddings[0]).toEqual(one.body.embedding)
    expect(await post('/embed', {})).toMatchObject({ status: 400 })
    expect(await post('/embed', { text: 'a', texts: ['b'] })).toMatchObject({ status: 400 })
  })

  test('as OpenAI has it', async () => {
    const { body: { embedding, model, dimension } } = await post('/embed', { text: 'hello again' })
    const plain = await post('/v1/embeddings', { model: 'builtin', input: 'hello again', user: 'somebody' })
    expect(plain).toMatchObject({ status: 200, body: { object: 'list', model, data: [{ object: 'embedding', index: 0, embedding }], usage: { prompt_tokens: 3, total_tokens: 3 } } })
    const packed = await post('/v1/embeddings', { model, input: ['hello again', 'and more'], encoding_format: 'base64' })
    const bytes = Buffer.from(packed.body.data[0].embedding, 'base64')
    expect(Array.from({ length: dimension }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(embedding.map(Math.fround))
    expect(packed.body.data[1].index).toBe(1)
  })

  test.each([
    [{ input: 'x', model: 'text-embedding-3-small' }, 404, 'model_not_found', null],
    [{ model: 'builtin' }, 400, 'invalid_argument', 'input'],
    [{ input: [] }, 400, 'invalid_argument', 'input'],
    [{ input: [1, 2] }, 400, 'invalid_argument', 'input'],
    [{ input: ['a', ''] }, 400, 'invalid_argument', 'input.1'],
    [{ input: 'x', encoding_format: 'hex' }, 400, 'invalid_argument', 'encoding_format'],
    [{ input: 'x', dimensions: 7 }, 400, 'invalid_argument', 'dimensions'],
  ])('errors as OpenAI has them: %j', async (body, status, code, param) => {
    expect(await post('/v1/embeddings', body)).toMatchObject({ status, body: { error: { type: 'invalid_request_error', code, param, message: expect.any(String) } } })
  })

  test('what is no JSON, and a page of another origin, too', async () => {
    expect(await callAt(server.url, 'POST', '/v1/embeddings', { raw: '{"input' })).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error', param: null } } })
    expect(await post('/v1/embeddings', { input: 'x' }, { origin: 'http://evil.example' })).toMatchObject({ status: 403, body: { error: { type: 'authentication_error', code: 'origin_refused' } } })
  })

  test('a client that goes away is no longer worked for', async () => {
    const embed = hive.embed
    const seen = new Promise<AbortSignal>((resolve) => {
      hive.embed = async (texts, options) => {
        resolve(options?.signal as AbortSignal)
        await new Promise<void>((gone) => options?.signal?.addEventListener('abort', () => gone()))
        return embed(texts)
      }
    })
    try {
      const body = JSON.stringify({ text: 'x' })
      const { hostname, port } = new URL(server.url)
      const socket = connect(Number(port), hostname)
      socket.write(`POST /embed HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      const signal = await seen
      expect(signal.aborted).toBe(false)
      socket.destroy()
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    } finally {
      hive.embed = embed
    }
  })
})
