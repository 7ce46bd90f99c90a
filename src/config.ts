import { isAbsolute, resolve } from 'node:path'
import type { z } from 'zod'
import { coerceText } from './config/coerce.ts'
import { loadConfigFile } from './config/file.ts'
import { redactField } from './config/redact.ts'
import { configFields, configSchema } from './config/schema.ts'
import type { Config, ConfigInput } from './config/schema.ts'
import { InvalidConfig } from './kernel/errors.ts'
import { nearNames } from './messages/near.ts'

export type { Config, ConfigInput } from './config/schema.ts'

/** Where a value came from. */
export type ConfigOrigin = { kind: 'default' } | { kind: 'environment'; variable: string } | { kind: 'file'; path: string } | { kind: 'code' }

export interface ResolvedConfig {
  config: Config
  /** By dotted path (`limits.roomBytes`). */
  origins: ReadonlyMap<string, ConfigOrigin>
  /** Things that are not wrong but probably not meant, in plain words. */
  notices: readonly string[]
}

/** One line of `hivemind doctor`: secrets and passwords in URLs are redacted. */
export interface ConfigLine {
  path: string
  value: unknown
  origin: string
  variable: string
  description: string
}

/**
 * Reads the configuration: defaults, then the environment, then `hivemind.config.ts|js|mjs|json` in `cwd`, then `options`;
 * the later one wins, field by field. Throws `InvalidConfig` naming the field, its origin and the fix.
 */
export async function resolveConfig(options: ConfigInput = {}, env: NodeJS.ProcessEnv = process.env, cwd: string = process.cwd()): Promise<ResolvedConfig> {
  const file = await loadConfigFile(cwd)
  const layers: Layer[] = [
    ...fromEnvironment(env),
    ...(file === undefined ? [] : fromObject(file.value, { kind: 'file', path: file.path })),
    ...fromObject(options, { kind: 'code' }),
  ]
  const origins = new Map<string, ConfigOrigin>(configFields.map((field) => [field.path, { kind: 'default' }]))
  const input: Record<string, unknown> = {}
  for (const { path, value, origin } of layers) {
    write(input, path.split('.'), value)
    origins.set(path, origin)
  }
  const parsed = configSchema.safeParse(input)
  if (!parsed.success) throw invalid(parsed.error.issues, origins)
  const config = { ...parsed.data, dataDir: isAbsolute(parsed.data.dataDir) ? parsed.data.dataDir : resolve(cwd, parsed.data.dataDir) }
  return { config, origins, notices: unknownVariables(env) }
}

/** The configuration in force as lines for a person. */
export function describeConfig(resolved: ResolvedConfig): ConfigLine[] {
  return configFields.map(({ path, variable, description }) => {
    const value = path.split('.').reduce<unknown>((object, key) => (object as Record<string, unknown> | undefined)?.[key], resolved.config)
    return { path, value: redactField(path, value), origin: describeOrigin(resolved.origins.get(path)), variable, description }
  })
}

interface Layer {
  path: string
  value: unknown
  origin: ConfigOrigin
}

function fromEnvironment(env: NodeJS.ProcessEnv): Layer[] {
  const layers: Layer[] = []
  const redis = redisFromHost(env)
  if (redis !== undefined) layers.push(redis)
  if (set(env.REDIS_URL)) layers.push({ path: 'redis', value: env.REDIS_URL, origin: { kind: 'environment', variable: 'REDIS_URL' } })
  for (const { path, schema, variable } of configFields) {
    const text = env[variable]
    if (set(text)) layers.push({ path, value: coerceText(schema, text), origin: { kind: 'environment', variable } })
  }
  return layers
}

function redisFromHost(env: NodeJS.ProcessEnv): Layer | undefined {
  if (!set(env.REDIS_HOST) && !set(env.REDIS_PORT)) return undefined
  const variable = set(env.REDIS_HOST) ? 'REDIS_HOST' : 'REDIS_PORT'
  const host = set(env.REDIS_HOST) ? env.REDIS_HOST : '127.0.0.1'
  const port = set(env.REDIS_PORT) ? env.REDIS_PORT : '6379'
  if (!/^\d+$/.test(port) || Number(port) > 65535) throw new InvalidConfig('redis', `REDIS_PORT is ${JSON.stringify(port)}: give a port number`)
  return { path: 'redis', value: `redis://${host.includes(':') ? `[${host}]` : host}:${port}`, origin: { kind: 'environment', variable } }
}

function set(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

/** One layer per leaf, so that a file that sets `limits.roomBytes` leaves the other limits alone. */
function fromObject(value: unknown, origin: ConfigOrigin, prefix = ''): Layer[] {
  if (!isPlain(value)) {
    if (prefix === '') throw new InvalidConfig('file', `${describeOrigin(origin)} holds ${Array.isArray(value) ? 'an array' : typeof value}, not an object of settings`)
    return [{ path: prefix, value, origin }]
  }
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (inner === undefined) return []
    return isPlain(inner) && configFields.some((field) => field.path.startsWith(`${path}.`)) ? fromObject(inner, origin, path) : [{ path, value: inner, origin }]
  })
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function write(target: Record<string, unknown>, path: string[], value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    target[key] = value
    return
  }
  if (!isPlain(target[key])) target[key] = {}
  write(target[key] as Record<string, unknown>, rest, value)
}

function invalid(issues: readonly z.core.$ZodIssue[], origins: ReadonlyMap<string, ConfigOrigin>): InvalidConfig {
  const issue = issues[0]
  if (issue === undefined) return new InvalidConfig('', 'is not valid')
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path, issue.keys[0]].join('.')
    const near = nearNames(key, configFields.map((field) => field.path))
    const fix = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known are ${configFields.map((field) => field.path).join(', ')}`
    return new InvalidConfig(key, `is not a setting (from ${describeOrigin(origins.get(key))}): ${fix}`)
  }
  const field = configFields.find((known) => known.path === path || path.startsWith(`${known.path}.`))
  return new InvalidConfig(path, `${issue.message} (from ${describeOrigin(origins.get(field?.path ?? path))})`)
}

function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set([...configFields.map((field) => field.variable), 'HIVEMIND_DEBUG'])
  return Object.keys(env).filter((name) => name.startsWith('HIVEMIND_') && !known.has(name))
    .map((name) => `the environment variable ${name} sets nothing: "hivemind doctor" lists those that do`)
}

function describeOrigin(origin: ConfigOrigin | undefined): string {
  switch (origin?.kind) {
    case 'environment': return origin.variable
    case 'file': return origin.path
    case 'code': return 'code'
    default: return 'default'
  }
}
