import { InvalidArgument, MemoryFull, VersionConflict } from '../../src/kernel/errors.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { redactValue } from '../../src/redaction/redact-value.ts'
import { fromKeyPart, sessionField, sessionFields, ttlMs } from '../../src/store/keys.ts'
import type { Document, Documents } from '../../src/store/ports.ts'

/** What a session holds now. Any field is JSON; these are the usual ones. */
export interface SessionState {
  /** What the agent should know to go on. */
  context?: unknown
  /** Files that are worked on. */
  files?: unknown
  currentTask?: unknown
  [field: string]: unknown
  /** When a field was last written, wall time in ms; absent when there is none. */
  updatedAt?: number
}

export interface SetOptions {
  /** Write only when the field is at this version (0: not there). Throws `VersionConflict`. */
  expect?: number
}

/**
 * State of one session of an agent, shared by all nodes: each field for itself, so that two that write different fields never meet. Kept
 * for 7 days from the last write. Read from the data folder; written also while the shared store is away, and then a field that
 * both sides changed is a conflict (`hive.conflicts`), with nothing overwritten.
 */
export interface Session {
  readonly id: string
  get(): Promise<SessionState>
  get(field: string): Promise<unknown>
  /** Fields with their versions, for `expect`. */
  versions(): Promise<Record<string, number>>
  /** Sets the fields of the patch and leaves the others; `undefined` takes a field away. Secrets in values are taken out. Returns the versions written. */
  set(patch: Record<string, unknown>): Promise<Record<string, number>>
  set(field: string, value: unknown, options?: SetOptions): Promise<Record<string, number>>
  /** Takes all fields away; returns how many there were. */
  clear(): Promise<number>
}

interface Kept {
  value: unknown
  at: number
}

const maxFields = 200
const maxBytes = 256 * 1024
const maxName = 200

export function createSession(id: string, documents: Documents, clock: Clock): Session {
  checkName('session', id)
  const prefix = sessionFields(id)

  async function all(): Promise<{ field: string; document: Document }[]> {
    const found = await documents.list(prefix, { limit: maxFields + 1 })
    return found.map((document) => ({ field: nameOf(document, prefix), document }))
  }

  async function write(patch: ReadonlyMap<string, unknown>, expect: number | undefined): Promise<Record<string, number>> {
    const at = Math.trunc(clock.now())
    const writes = [...patch].map(([field, value]) => {
      checkName('field', field)
      if (field === 'updatedAt') throw new InvalidArgument('field', '"updatedAt" is kept by the session itself: choose another name')
      return { key: sessionField(id, field), value: value === undefined ? undefined : { value: cleaned(field, value), at } satisfies Kept, ttlMs: ttlMs.session, ...(expect !== undefined && { expect }) }
    })
    const present = new Set((await all()).map(({ field }) => field))
    const added = [...patch].filter(([field, value]) => value !== undefined && !present.has(field)).length
    if (present.size + added > maxFields) throw new InvalidArgument('field', `a session has ${maxFields} fields at most: put what belongs together into one`)
    const results = await documents.write(writes)
    const versions: Record<string, number> = {}
    for (const [index, result] of results.entries()) {
      const field = [...patch.keys()][index] as string
      if (result.ok) versions[field] = result.version
      else if (result.reason === 'conflict') throw new VersionConflict(`session ${id}: ${field}`, expect ?? 0, result.current?.version ?? 0)
      else throw new MemoryFull('the hive', result.bytes, result.quotaBytes)
    }
    return versions
  }

  async function get(field?: string): Promise<unknown> {
    if (field !== undefined) {
      checkName('field', field)
      const [document] = await documents.get([sessionField(id, field)])
      return (document?.value as Kept | undefined)?.value
    }
    const state: SessionState = {}
    for (const { field: name, document } of await all()) {
      const { value, at } = document.value as Kept
      state[name] = value
      state.updatedAt = Math.max(state.updatedAt ?? 0, at)
    }
    return state
  }

  return {
    id,
    get: get as Session['get'],
    async versions() {
      return Object.fromEntries((await all()).map(({ field, document }) => [field, document.version]))
    },
    set: (async (patch: unknown, value?: unknown, { expect }: SetOptions = {}) => {
      if (typeof patch === 'string') return write(new Map([[patch, value]]), expect)
      if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) throw new InvalidArgument('patch', 'must be an object of fields, or the name of one field followed by its value')
      return Object.keys(patch).length === 0 ? {} : write(new Map(Object.entries(patch)), undefined)
    }) as Session['set'],
    async clear() {
      const fields = await all()
      await documents.write(fields.map(({ document: { key } }) => ({ key, value: undefined })))
      return fields.length
    },
  }
}

function nameOf({ key }: Document, prefix: string): string {
  return fromKeyPart(key.slice(prefix.length))
}

function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument(what, 'must be a string that is not empty')
  if (name.length > maxName) throw new InvalidArgument(what, `has ${name.length} characters; ${maxName} are allowed`)
  if (/\p{Cc}/u.test(name) || !(name as string & { isWellFormed(): boolean }).isWellFormed()) throw new InvalidArgument(what, 'may not hold control characters or half of a surrogate pair')
}

/** Without secrets, and as it will be read back. */
function cleaned(field: string, value: unknown): unknown {
  let json: string | undefined
  try {
    // A number under the name of a password is a secret as well: the name of the field counts.
    json = JSON.stringify((redactValue({ [field]: value }).value as Record<string, unknown>)[field])
  } catch (error) {
    if (error instanceof InvalidArgument) throw new InvalidArgument(error.field.replace(/^value\.?/, ''), error.message.slice(`"${error.field}": `.length))
    throw error
  }
  if (json === undefined) throw new InvalidArgument(field, 'is nothing that JSON knows')
  const bytes = Buffer.byteLength(json)
  if (bytes > maxBytes) throw new InvalidArgument(field, `has ${bytes} bytes as JSON and the limit is ${maxBytes}: keep files as paths and long texts as memories`)
  return JSON.parse(json)
}
