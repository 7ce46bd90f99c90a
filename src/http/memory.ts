import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Hive, Memory, MemoryInput, RecallRequest, Scope, Selection } from '../hive.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { connected } from './connected.ts'
import { parse } from './parse.ts'

const text = z.string().min(1)
const scope = z.strictObject({ project: text.optional(), agent: text.optional(), session: text.optional() })
const kinds = z.array(z.enum(['episodic', 'semantic'])).min(1)
const time = z.union([z.number(), z.string()])
const trust = z.number().min(0).max(1)
/** Who calls, when it is trusted less than a program: an agent passing on what it read. */
const caller = { channel: z.enum(['program', 'agent', 'import', 'tool', 'web']).optional(), name: z.string().max(100).optional() }

const recallBody = z.strictObject({
  query: text, limit: z.number().int().min(1).max(1000).optional(), scope: scope.optional(), kinds: kinds.optional(), since: time.optional(), until: time.optional(), minTrust: trust.optional(),
  maxTokens: z.number().int().min(1).optional(),
})
const item = z.strictObject({
  text: z.string(), kind: z.enum(['episodic', 'semantic']).optional(), scope: scope.optional(), source: z.string().optional(), at: time.optional(),
  supersedes: z.union([text, z.array(text)]).optional(), metadata: z.record(z.string(), z.unknown()).optional(),
})
const storeBody = z.strictObject({ ...item.shape, ...caller })
const storeManyBody = z.strictObject({ items: z.array(item).max(10_000), ...caller })
const selectionBody = z.strictObject({
  ids: z.array(z.string()).optional(), scope: scope.optional(), kinds: kinds.optional(), before: time.optional(), all: z.boolean().optional(),
  dryRun: z.boolean().default(false), expect: z.number().int().min(0).optional(), ...caller,
})
const recentQuery = z.strictObject({
  project: text.optional(), agent: text.optional(), session: text.optional(), kind: z.enum(['episodic', 'semantic']).optional(), limit: z.coerce.number().int().min(1).max(1000).default(20), minTrust: z.coerce.number().min(0).max(1).optional(),
})

/** The memory over HTTP. Whoever may call is a program, unless it says that it is trusted less. */
export function addMemoryRoutes(server: FastifyInstance, hive: Hive): void {
  const memoryOf = ({ channel = 'program', name }: { channel?: 'program' | 'agent' | 'import' | 'tool' | 'web' | undefined; name?: string | undefined }): Memory => (
    hive.memory.as({ channel, name: name ?? 'http' })
  )
  server.post('/memory/recall', async (request, reply) => hive.memory.recall({ ...given(parse(recallBody, request.body ?? {})) as unknown as RecallRequest, signal: connected(reply) }))
  server.post('/memory/store', async (request, reply) => {
    const body = request.body ?? {}
    if (typeof body === 'object' && 'items' in body) {
      const { items, channel, name } = parse(storeManyBody, body)
      return reply.code(201).send({ stored: await memoryOf({ channel, name }).store(items.map((one) => given(one) as unknown as MemoryInput)) })
    }
    const { channel, name, ...one } = parse(storeBody, body)
    const stored = await memoryOf({ channel, name }).store(given(one) as unknown as MemoryInput)
    return reply.code(stored.duplicateOf === undefined ? 201 : 200).send(stored)
  })
  for (const verb of ['forget', 'restore'] as const) {
    server.post(`/memory/${verb}`, async (request) => {
      const { dryRun, expect, channel, name, ...selection } = parse(selectionBody, request.body ?? {})
      const memory = memoryOf({ channel, name })
      const asked = given(selection) as unknown as Selection
      if (verb === 'forget' && !dryRun && selection.ids === undefined) await confirm(memory, asked, expect)
      return { ...await memory[verb](asked, { dryRun }), dryRun }
    })
  }
  server.get('/memory/recent', async (request) => {
    const { kind, limit, minTrust, ...of } = parse(recentQuery, request.query)
    return { memories: await hive.memory.recent({ scope: given(of) as Scope, limit, ...(kind !== undefined && { kinds: [kind] }), ...(minTrust !== undefined && { minTrust }) }) }
  })
}

/** Forgetting by a filter says how many it means, so that a filter that is too wide does nothing. */
async function confirm(memory: Memory, selection: Selection, expect: number | undefined): Promise<void> {
  const { count } = await memory.forget(selection, { dryRun: true })
  if (count !== expect) throw new InvalidArgument('expect', `this would forget ${count} memories${expect === undefined ? '' : `, not ${expect}`}: say "expect": ${count} to do it, or "dryRun": true to see which`)
}

/** Without the fields that were not given. */
function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
