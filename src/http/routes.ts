import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Hive } from '../hive.ts'
import { InvalidArgument, RoomUnknown } from '../kernel/errors.ts'
import { addEmbeddingRoutes } from './embeddings.ts'
import { addMemoryRoutes } from './memory.ts'
import type { Metrics } from './metrics.ts'
import { parse } from './parse.ts'
import { readStatus } from './status.ts'

const count = z.coerce.number().int().min(1).max(1000)
const entry = z.string().regex(/^\d+(-\d+)?$/, 'is no entry id')
const member = z.string().min(1).max(256)

const roomsQuery = z.strictObject({ after: z.string().optional(), limit: count.default(100), as: member.optional() })
const messagesQuery = z.strictObject({ after: entry.optional(), before: entry.optional(), limit: count.default(100), reverse: z.stringbool().optional(), as: member.optional() })
const post = z.strictObject({
  type: z.string().default('text'),
  data: z.unknown().optional(),
  text: z.string().optional(),
  id: z.string().min(1).max(256).optional(),
  as: member.default('http'),
  subject: z.string().max(1024).optional(),
  correlationid: z.string().max(256).optional(),
  causationid: z.string().max(256).optional(),
})
const resolution = z.strictObject({ keep: z.enum(['ours', 'theirs', 'both']) })

/** The routes of a node. Whoever may call at all may act as any member: the door is what is guarded. */
export function addRoutes(server: FastifyInstance, hive: Hive, metrics: Metrics): void {
  addHealth(server, hive)
  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.read()))
  server.get('/status', () => readStatus(hive))
  server.get('/rooms', async (request) => {
    const rooms = await hive.rooms.list(parse(roomsQuery, request.query))
    return { rooms, ...(rooms.length > 0 && { next: rooms.at(-1)?.name }) }
  })
  server.get<{ Params: { name: string } }>('/rooms/:name/messages', async (request) => {
    const { as, ...options } = parse(messagesQuery, request.query)
    return (await existing(hive, request.params.name, as)).history(options)
  })
  server.post<{ Params: { name: string } }>('/rooms/:name/messages', async (request, reply) => {
    const { as, type, data, text, ...options } = parse(post, request.body ?? {})
    if ((data === undefined) === (text === undefined)) throw new InvalidArgument('data', 'give either data or text')
    const room = await existing(hive, request.params.name, as)
    const posted = await room.post(type, data ?? { text }, options)
    return reply.code(posted.duplicate ? 200 : posted.journalled ? 202 : 201).send(posted)
  })
  server.get('/conflicts', async () => ({ conflicts: await hive.conflicts.list() }))
  server.post<{ Params: { id: string } }>('/conflicts/:id', async (request) => {
    const { keep } = parse(resolution, request.body ?? {})
    await hive.conflicts.resolve(request.params.id, keep)
    return { id: request.params.id, resolved: keep }
  })
  addMemoryRoutes(server, hive)
  addEmbeddingRoutes(server, hive)
}

export function addHealth(server: FastifyInstance, hive: Hive): void {
  server.get('/health', (_request, reply) => {
    const health = hive.health()
    return reply.code(health.ok ? 200 : 503).send(health)
  })
}

/** A room that is there: a request must not make one. */
async function existing(hive: Hive, name: string, as: string | undefined): Promise<Awaited<ReturnType<Hive['room']>>> {
  if (await hive.store.log.info(name) === undefined) throw new RoomUnknown(name)
  return hive.room(name, as === undefined ? {} : { as })
}
