import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHttpServer } from '../../src/http/server.ts'
import type { HttpServer } from '../../src/http/server.ts'
import { createHive } from '../../src/hive.ts'
import type { Hive } from '../../src/hive.ts'
import { callAt } from './call.ts'
import type { Answer, CallOptions } from './call.ts'

const key = 'a-key-of-many-characters'
let dataDir: string
let hive: Hive
let server: HttpServer
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'hivemind-http-'))
  hive = await createHive({ dataDir, log: { level: 'silent' }, limits: { messageBytes: 10_000 } })
  server = await createHttpServer(hive, { host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await server.stop()
  await hive.stop()
  rmSync(dataDir, { recursive: true })
})

const call = (method: string, path: string, { at = server, ...options }: CallOptions & { at?: HttpServer } = {}): Promise<Answer> => callAt(at.url, method, path, options)
const get = (path: string, headers?: Record<string, string>): Promise<Answer> => call('GET', path, { ...(headers && { headers }) })
const post = (path: string, body: unknown): Promise<Answer> => call('POST', path, { body })

describe('routes', () => {
  test('health follows the supervision tree', async () => {
    expect(await get('/health')).toMatchObject({ status: 200, body: { ok: true, state: 'ready', problems: [] } })
    await hive.system.lookup('hive')?.stop()
    expect(await get('/health')).toMatchObject({ status: 503, body: { ok: false, state: 'failed' } })
  })

  test('metrics in the Prometheus format', async () => {
    const { status, body, headers } = await get('/metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(body).toMatch(/^hivemind_\w+\{node="[^"]+"\} \d/m)
    expect(body).toMatch(/^process_resident_memory_bytes/m)
    expect((await get('/metrics')).status).toBe(200)
  })

  test('status', async () => {
    await hive.room('hall')
    expect((await get('/status')).body).toMatchObject({ node: hive.node.id, rooms: 1, conflicts: 0, store: { kind: 'sqlite' }, health: { ok: true } })
  })

  test('rooms are listed, posted to and read', async () => {
    await hive.room('hall')
    expect((await get('/rooms')).body).toEqual({ rooms: [{ name: 'hall', visibility: 'public' }], next: 'hall' })
    expect(await post('/rooms/hall/messages', { text: 'one', as: 'ann' })).toMatchObject({ status: 201, body: { duplicate: false } })
    const second = await post('/rooms/hall/messages', { type: 'text', data: { text: 'two' }, id: 'm2' })
    expect(second.status).toBe(201)
    expect(await post('/rooms/hall/messages', { type: 'text', data: { text: 'two' }, id: 'm2' })).toMatchObject({ status: 200, body: { duplicate: true, entry: second.body.entry } })
    const all = (await get('/rooms/hall/messages')).body.messages
    expect(all.map((message: any) => [message.source, message.data.text])).toEqual([['ann', 'one'], ['http', 'two']])
    expect((await get(`/rooms/hall/messages?after=${all[0].entry}`)).body.messages).toHaveLength(1)
    expect((await get('/rooms/hall/messages?reverse=true&limit=1')).body.messages[0].data.text).toBe('two')
  })

  test('conflicts', async () => {
    expect((await get('/conflicts')).body).toEqual({ conflicts: [] })
    expect(await post('/conflicts/none', { keep: 'ours' })).toMatchObject({ status: 404 })
    expect(await post('/conflicts/none', { keep: 'mine' })).toMatchObject({ status: 400 })
  })

  test('a request does not make a room, and private rooms stay hidden', async () => {
    expect(await post('/rooms/nowhere/messages', { text: 'x' })).toMatchObject({ status: 404, body: { error: { code: 'room_unknown' } } })
    await hive.room('secret', { visibility: 'private', as: 'ann' })
    await hive.room('club', { visibility: 'members', as: 'ann' })
    expect((await get('/rooms')).body.rooms.map((room: any) => room.name)).toEqual(['club'])
    expect((await get('/rooms?as=ann')).body.rooms.map((room: any) => room.name)).toEqual(['club', 'secret'])
    expect(await get('/rooms/secret/messages')).toMatchObject({ status: 404 })
    expect(await get('/rooms/club/messages')).toMatchObject({ status: 403, body: { error: { code: 'room_forbidden' } } })
    expect(await get('/rooms/club/messages?as=ann')).toMatchObject({ status: 200 })
  })
})

describe('wrong input is refused in plain words', () => {
  test.each([
    ['POST', '/rooms/hall/messages', { raw: '{ "a' }, 400, /JSON/],
    ['POST', '/rooms/hall/messages', { raw: '[1]' }, 400, /expected object/],
    ['POST', '/rooms/hall/messages', { body: {} }, 400, /either data or text/],
    ['POST', '/rooms/hall/messages', { body: { txet: 1 } }, 400, /txet/],
    ['POST', '/rooms/hall/messages', { body: { type: 'txt', data: {} } }, 400, /unknown message type "txt"/],
    ['POST', '/rooms/hall/messages', { body: { type: 'text', data: { text: 1 } } }, 400, /"text" is not valid at "text"/],
    ['POST', '/rooms/hall/messages', { body: { text: 'x'.repeat(20_000) } }, 413, /./],
    ['POST', '/rooms/hall/messages', { raw: 'x', headers: { 'content-type': 'text/html' } }, 415, /./],
    ['GET', '/rooms/hall/messages?after=soon', {}, 400, /"after": is no entry id/],
    ['GET', '/rooms/hall/messages?limit=0', {}, 400, /"limit"/],
    ['GET', '/rooms/hall/messages?nonsense=1', {}, 400, /nonsense/],
    ['GET', '/nowhere', {}, 404, /there is no GET \/nowhere/],
    ['DELETE', '/rooms', {}, 404, /there is no DELETE \/rooms/],
    ['GET', `/rooms/${'x'.repeat(300)}/messages`, {}, 404, /there is no room/],
    ['GET', `/rooms/${'x'.repeat(2000)}/messages`, {}, 414, /./],
    ['GET', '/rooms/%E0%A4%A/messages', {}, 400, /./],
  ] as const)('%s %s %j', async (method, path, options, status, message) => {
    await hive.room('hall')
    const answer = await call(method, path, options)
    expect(answer.status).toBe(status)
    expect(answer.body.error.message).toMatch(message)
    expect(answer.body.error.code).toMatch(/^[a-z_]+$/)
  })

  test('what nobody foresaw is told by its code alone', async () => {
    hive.rooms.list = () => Promise.reject(new Error('a secret path'))
    expect(await get('/rooms')).toMatchObject({ status: 500, body: { error: { code: 'internal', message: expect.not.stringContaining('secret') } } })
  })
})

describe('the door', () => {
  test('a page that gives 127.0.0.1 a name of its own is refused', async () => {
    const { port } = new URL(server.url)
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost', '[::1]:1']) expect((await get('/status', { host })).status, host).toBe(200)
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example']) expect((await get('/status', { host })).status, host).toBe(403)
  })

  test('a page of another origin is refused', async () => {
    const { host } = new URL(server.url)
    expect((await get('/status', { host, origin: `http://${host}` })).status).toBe(200)
    for (const origin of ['http://evil.example', 'null', `https://${host}.evil.example`]) expect(await get('/status', { host, origin }), origin).toMatchObject({ status: 403, body: { error: { code: 'origin_refused' } } })
  })

  test('with a key, nothing but /health answers without it', async () => {
    const guarded = await createHttpServer(hive, { host: '127.0.0.1', port: 0, apiKey: key })
    const ask = async (path: string, authorization?: string): Promise<number> => (await call('GET', path, { at: guarded, headers: authorization === undefined ? {} : { authorization } })).status
    try {
      expect(await ask('/health')).toBe(200)
      for (const wrong of [undefined, '', 'Bearer', 'Bearer wrong', `Basic ${key}`, `Bearer ${key}x`, `Bearer ${key.slice(1)}`, key]) expect(await ask('/status', wrong), wrong).toBe(401)
      for (const path of ['/metrics', '/rooms', '/conflicts', '/nowhere', '/health/../status']) expect(await ask(path), path).toBe(401)
      expect(await ask('/status', `Bearer ${key}`)).toBe(200)
    } finally {
      await guarded.stop()
    }
  })

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])('%s is not listened on without a key', async (host) => {
    await expect(createHttpServer(hive, { host, port: 0 })).rejects.toMatchObject({ code: 'invalid_config', message: expect.stringMatching(/"http\.apiKey": .*HIVEMIND_HTTP_API_KEY/) })
  })

  test('a port that is taken is told', async () => {
    const { port } = new URL(server.url)
    await expect(createHttpServer(hive, { host: '127.0.0.1', port: Number(port) })).rejects.toMatchObject({ message: expect.stringMatching(/cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/) })
  })

  test('stopping twice is harmless', async () => {
    await server.stop()
    await server.stop()
  })
})
