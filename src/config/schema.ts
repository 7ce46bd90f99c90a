import { z } from 'zod'

const bytes = z.number().int().min(1)
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'use letters, digits, "_", "." and "-", beginning with a letter or digit')

/** The one schema of the configuration: environment, file and code all fill this shape. */
export const configSchema = z.strictObject({
  dataDir: z.string().min(1).default('.hivemind').describe('folder of the embedded store, the local replica and the outage journal'),
  redis: z.string().refine(isRedisUrl, 'write redis://[user:password@]host[:port][/db], rediss://... or redis+unix:///path; several nodes of a cluster are separated by commas').optional()
    .describe('the shared store; without it the hive is embedded (SQLite)'),
  cache: z.string().refine(isRedisUrl, 'write redis://[user:password@]host[:port][/db], rediss://... or redis+unix:///path').optional()
    .describe('a second Redis for what may be lost; the shared store serves both roles without it'),
  prefix: z.string().regex(/^[A-Za-z0-9_.:-]*$/, 'use letters, digits, "_", ".", ":" and "-"').default('')
    .describe('put before every key and channel, so that several hives can share a Redis'),
  durability: z.enum(['process', 'fsync']).default('process')
    .describe('"process": acknowledged writes outlive the process; "fsync": they outlive the machine too, and cost more'),
  node: z.strictObject({
    id: name.optional().describe('name of this process in the hive; made up when absent'),
    roles: z.array(name).default([]).describe('what this node offers to the others'),
  }).prefault({}),
  limits: z.strictObject({
    messageBytes: bytes.default(1024 ** 2).describe('largest message'),
    mailbox: z.number().int().min(1).default(1000).describe('messages that may wait for an actor whose definition does not say'),
    journalBytes: bytes.default(256 * 1024 ** 2).describe('outage journal, bytes'),
    journalAgeMs: z.number().int().min(1000).default(24 * 3600 * 1000).describe('outage journal, age of the oldest entry in ms'),
    roomBytes: bytes.default(64 * 1024 ** 2).describe('bytes a room may hold, unless it was opened with a quota of its own'),
  }).prefault({}),
  embedder: z.strictObject({
    model: z.string().min(1).default('builtin').describe('"builtin", a folder, or the id of a feature-extraction model on the Hugging Face hub (owner/name)'),
    where: z.enum(['auto', 'local', 'remote']).default('auto').describe('"local": threads of this process; "remote": nodes with the role "embedding"; "auto": those when the threads cannot'),
    workers: z.number().int().min(1).max(64).default(2).describe('threads that embed, at most'),
    threads: z.number().int().min(1).max(64).default(1).describe('threads of one run of an ONNX graph'),
    queryPrefix: z.string().optional().describe('put before every query, instead of what the model says'),
    passagePrefix: z.string().optional().describe('put before every passage, instead of what the model says'),
    queue: z.number().int().min(1).default(20_000).describe('texts that may wait to be embedded'),
    cacheBytes: z.number().int().min(0).default(32 * 1024 ** 2).describe('vectors kept in the process, bytes'),
    idleMs: z.number().int().min(0).default(300_000).describe('quiet time after which a thread is let go, ms; 0 keeps it'),
  }).prefault({}),
  memory: z.strictObject({
    scopeBytes: bytes.default(1024 ** 3).describe('bytes of memories a project may hold'),
    textBytes: bytes.default(64 * 1024).describe('largest text of one memory; a longer one is refused'),
  }).prefault({}),
  http: z.strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('address that "hivemind up" listens on'),
    port: z.number().int().min(0).max(65535).default(7070).describe('port that "hivemind up" listens on; 0 takes a free one'),
    apiKey: z.string().min(16, 'use at least 16 characters').optional().describe('what callers send as "Authorization: Bearer ..."'),
  }).prefault({}),
  log: z.strictObject({
    level: z.enum(['silent', 'error', 'warn', 'info', 'debug', 'trace']).default('warn').describe('how much is logged'),
  }).prefault({}),
})

/** The configuration in force: every default filled in, `dataDir` absolute. */
export type Config = z.output<typeof configSchema>
/** The configuration as a person writes it: everything optional. */
export type ConfigInput = z.input<typeof configSchema>

export interface ConfigField {
  /** Dotted, as in `limits.roomBytes`. */
  path: string
  schema: z.ZodType
  description: string
  /** The environment variable that sets it. */
  variable: string
}

/** Every field that can be set, in the order of the schema. */
export const configFields: readonly ConfigField[] = fieldsOf(configSchema, '')

function fieldsOf(object: z.ZodObject, prefix: string): ConfigField[] {
  return Object.entries(object.shape).flatMap(([key, schema]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const bare = (schema as { def: { innerType?: z.ZodType } }).def.innerType
    if (bare instanceof z.ZodObject) return fieldsOf(bare, path)
    return [{ path, schema: schema as z.ZodType, description: descriptionOf(schema as z.ZodType), variable: variableOf(path) }]
  })
}

function descriptionOf(schema: z.ZodType): string {
  return schema.description ?? ''
}

function variableOf(path: string): string {
  return `HIVEMIND_${path.replace(/([a-z])([A-Z])/g, '$1_$2').replaceAll('.', '_').toUpperCase()}`
}

function isRedisUrl(text: string): boolean {
  return text.split(',').every((part) => {
    try {
      const url = new URL(part.trim())
      return url.protocol === 'redis+unix:' ? url.pathname.length > 1 : (url.protocol === 'redis:' || url.protocol === 'rediss:') && url.hostname !== ''
    } catch (error) {
      if (error instanceof TypeError) return false
      throw error
    }
  })
}
