import { InvalidArgument } from '../kernel/errors.ts'

/**
 * Every key and channel of the system. Nothing else builds one.
 * Names are those a person finds in redis-cli; braces are literal hash tags: what one script touches shares one.
 */
export interface KeyFamily {
  /** What it looks like: `<word>` stands for a part that varies, `NN` for a number of two digits. */
  readonly pattern: string
  readonly type: 'string' | 'hash' | 'set' | 'zset' | 'stream' | 'channel'
  /** `durable`: never evicted. `cache`: may go at any time and is made again. */
  readonly role: 'durable' | 'cache'
  readonly ttl: string
  /** What bounds it, in bytes; a shared budget names its concern. */
  readonly quota: string
  readonly owner: string
  readonly holds: string
}

const MiB = 1024 ** 2
const GiB = 1024 ** 3
const hourMs = 3_600_000

/** Byte budgets of the concerns that share them. */
export const quotaBytes = { communication: GiB, patterns: GiB, modelCache: 6 * GiB, memory: 4 * GiB, toolCache: 256 * MiB, agentState: GiB, learning: 256 * MiB } as const

/** Times to live that keys of the catalogue carry, ms. */
export const ttlMs = { session: 7 * 24 * hourMs, embedding: 30 * 24 * hourMs, toolCache: hourMs, generationCache: hourMs, cache: hourMs, workingMemory: 4 * hourMs, agentStatus: 60_000 } as const

/** Rooms, memories and their indexes are spread over this many slots, each with one tag. */
export const slotGroups = 16

/** Group of a name: FNV-1a over its code units. Never changes: it is written into every key. */
export function slotGroupOf(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % slotGroups
}

const reserved = /[%:{} \p{Cc}]/gu
/** The same in a part that was made by `keyPart`: there `%` begins an escape. */
const reservedOnce = /[:{} \p{Cc}]/u

/** A name as one part of a key: separators, braces, blanks and control characters become `%XX`. */
export function keyPart(name: string): string {
  return name.replace(reserved, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`)
}

export function fromKeyPart(part: string): string {
  return part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function tag(letter: string, group: number): string {
  return `{${letter}${group < 10 ? '0' : ''}${group}}`
}

function inRoom(kind: string): (room: string) => string {
  return (room) => {
    if (room === '' || room.includes('\0')) throw new InvalidArgument('room', 'a room needs a name without NUL characters')
    return `comm:${tag('s', slotGroupOf(room))}:${kind}:${keyPart(room)}`
  }
}

/** `changes` and `about` belong to the group. */
function memoryKey(id: string): string {
  if (id === '' || id === 'changes' || id === 'about') throw new InvalidArgument('id', `a memory cannot have the id "${id}"`)
  return `memory:${tag('m', slotGroupOf(id))}:${keyPart(id)}`
}

function family<Build extends (...parts: never[]) => string>(
  pattern: string, type: KeyFamily['type'], role: KeyFamily['role'], ttl: string, quota: string, owner: string, holds: string, build: Build,
): KeyFamily & { build: Build } {
  return { pattern, type, role, ttl, quota, owner, holds, build }
}

const room = 'room quotaBytes, within communication 1 GB'
const byRoom = 'with the room'
const oneName = (stem: string) => (name: string): string => `${stem}:${keyPart(name)}`
const tagged = (stem: string, rest = '') => (name: string): string => `${stem}:{${keyPart(name)}}${rest}`

export const catalogue = {
  room: family('comm:{sNN}:room:<room>', 'stream', 'durable', 'cap and quota of the room', room, 'rooms', 'entries: i message id, b body, s bytes before it', inRoom('room')),
  roomAbout: family('comm:{sNN}:about:<room>', 'hash', 'durable', byRoom, room, 'rooms', 'config and counters of a room', inRoom('about')),
  roomIds: family('comm:{sNN}:ids:<room>:<0|1>', 'hash', 'durable', '1-2 x dedupeMs', room, 'rooms', 'message id -> entry, two buckets that take turns', (name: string, bucket: 0 | 1) => `${inRoom('ids')(name)}:${bucket}`),
  roomFences: family('comm:{sNN}:fences:<room>', 'hash', 'durable', byRoom, room, 'rooms', 'group:owner -> highest fence seen', inRoom('fences')),
  roomTries: family('comm:{sNN}:tries:<room>', 'hash', 'durable', byRoom, room, 'rooms', 'group:entry -> attempts above the first', inRoom('tries')),
  roomCursors: family('comm:{sNN}:cursors:<room>', 'hash', 'durable', byRoom, room, 'rooms', 'member -> entry and fence', inRoom('cursors')),
  roomDead: family('comm:{sNN}:dead:<room>', 'stream', 'durable', 'newest `cap` entries', room, 'rooms', 'dead letters', inRoom('dead')),
  roomRecord: family('comm:{sNN}:record:<room>:<key>', 'string', 'durable', 'as written', room, 'rooms', 'JSON written by Effects.records', (name: string, key: string) => `${inRoom('record')(name)}:${keyPart(key)}`),
  roomsLast: family('comm:{sNN}:last', 'hash', 'durable', 'none', 'communication 1 GB', 'rooms', 'room -> last entry; field "" counts rings', (group: number) => `comm:${tag('s', group)}:last`),
  roomsNames: family('comm:{sNN}:rooms', 'zset', 'durable', 'none', 'communication 1 GB', 'rooms', 'names of rooms, all with score 0', (group: number) => `comm:${tag('s', group)}:rooms`),
  roomsRing: family('comm:{sNN}:ring', 'channel', 'durable', '-', '-', 'rooms', 'wake-up: ring count, then room and last entry in turn', (group: number) => `comm:${tag('s', group)}:ring`),

  events: family('channel:events', 'channel', 'durable', '-', '-', 'bus', 'mirrored envelopes', () => 'channel:events'),
  channel: family('channel:<name>', 'channel', 'durable', '-', '-', 'bus', 'further channels of Signals', oneName('channel')),
  ring: family('ring:<name>', 'stream', 'durable', 'cap of the ring', 'cap x limits.messageBytes', 'bus', 'catch-up ring of must-arrive types', oneName('ring')),

  lease: family('lease:{<name>}', 'string', 'durable', 'ttl of the lease', '1 KB', 'leases', 'fence and holder', tagged('lease')),
  leaseFence: family('lease:{<name>}:fence', 'string', 'durable', 'none', '1 KB', 'leases', 'highest fence given', tagged('lease', ':fence')),
  hiveEpoch: family('hive:epoch', 'string', 'durable', 'none', '1 KB', 'redis-link', 'made once; gone when the server was flushed', () => 'hive:epoch'),
  nodesActive: family('nodes:active', 'zset', 'durable', 'score = expiry', '1 MB', 'membership', 'nodes by the time they expire', () => 'nodes:active'),
  nodesAbout: family('nodes:about:{nodes:active}', 'hash', 'durable', 'with nodes:active', '1 MB', 'membership', 'node -> JSON summary', () => 'nodes:about:{nodes:active}'),

  blob: family('blob:{<sha256>}', 'string', 'cache', 'as written', 'modelCache 6 GB', 'blobs', 'manifest as JSON, written last', (hash: string) => `blob:{${hash}}`),
  blobChunk: family('blob:{<sha256>}:<n>', 'string', 'cache', 'as the manifest', 'modelCache 6 GB', 'blobs', '1 MB of bytes', (hash: string, index: number) => `blob:{${hash}}:${index}`),

  agentMemory: family('agent:{<agent>}:memory:<ms>-<n>', 'string', 'durable', 'tier', 'agentState 1 GB', 'agent-state', 'one encoded state', (agent: string, id: string) => `agent:{${keyPart(agent)}}:memory:${id}`),
  agentMemoryMeta: family('agent:{<agent>}:memory:<ms>-<n>:meta', 'hash', 'durable', 'tier', 'agentState 1 GB', 'agent-state', 'metadata of a state', (agent: string, id: string) => `agent:{${keyPart(agent)}}:memory:${id}:meta`),
  agentMemories: family('agent:{<agent>}:memories', 'zset', 'durable', 'none', 'agentState 1 GB', 'agent-state', 'state ids by time', tagged('agent', ':memories')),
  agentMetadata: family('agent:{<agent>}:metadata', 'hash', 'durable', 'none', 'agentState 1 GB', 'agent-state', 'about the agent', tagged('agent', ':metadata')),
  agentMemorySystem: family('agent:{<agent>}:memory_system', 'hash', 'durable', 'none', 'agentState 1 GB', 'agent-state', 'codec and tiers of the agent', tagged('agent', ':memory_system')),
  agentStream: family('agent:{<agent>}:stream', 'stream', 'durable', 'cap', 'agentState 1 GB', 'agent-state', 'states as they come', tagged('agent', ':stream')),
  agentWorking: family('agent:{<agent>}:working', 'hash', 'durable', '7 d sliding', 'memory 4 GB', 'sessions', 'remarks an agent has in mind', tagged('agent', ':working')),
  agentStatus: family('agent_status:<agent>', 'hash', 'durable', '60 s sliding', '1 MB', 'agents', 'what an agent is doing', oneName('agent_status')),
  session: family('session:{<session>}', 'hash', 'durable', '7 d sliding', 'memory 4 GB', 'documents', 'field -> version, length of the JSON, JSON; or version and - or !', tagged('session')),
  sessionChanges: family('session:changes', 'stream', 'durable', 'newest 65,536', 'memory 4 GB', 'documents', 'k session, f field, v version, e when erased; in a cluster also i for a write under way', () => 'session:changes'),
  memory: family('memory:{mNN}:<id>', 'string', 'durable', 'none; 1 y once deleted', 'memory 4 GB', 'documents', 'version, length of the JSON, JSON, vector; or version and - (deleted) or ! (erased)', memoryKey),
  memoryChanges: family('memory:{mNN}:changes', 'stream', 'durable', 'newest 8,192', 'memory 4 GB', 'documents', 'k id, v version, e when erased; written in the script that writes the memory', (group: number) => `memory:${tag('m', group)}:changes`),
  memoryAbout: family('memory:{mNN}:about', 'hash', 'durable', 'none', 'memory 4 GB', 'documents', 'bytes held by the group', (group: number) => `memory:${tag('m', group)}:about`),
  documentsRing: family('channel:documents', 'channel', 'durable', '-', '-', 'documents', 'wake-up: number of the change stream that has news', () => 'channel:documents'),
  memoryEmbeddings: family('memory:embeddings', 'hash', 'cache', 'none', 'memory 4 GB', 'memory', 'derived vectors', () => 'memory:embeddings'),
  memoryConsolidation: family('memory:consolidation:<session>', 'string', 'durable', '7 d', 'memory 4 GB', 'memory', 'how far a session is consolidated', oneName('memory:consolidation')),
  embedding: family('embedding:<sha256>', 'string', 'cache', '30 d', 'modelCache 6 GB', 'embedder-pool', 'vector of a text', (hash: string) => `embedding:${hash}`),
  learningQueue: family('learning:queue', 'stream', 'durable', 'cap', 'learning 256 MB', 'trainer-dispatch', 'tool outcomes', () => 'learning:queue'),
  adapter: family('adapters:<name>', 'hash', 'durable', 'none', 'patterns 1 GB', 'trainer-dispatch', 'adapter registry', oneName('adapters')),
  tool: family('tool:<name>:<hash>', 'string', 'cache', '1 h', 'toolCache 256 MB', 'tool-cache', 'result of a call', (name: string, hash: string) => `tool:${keyPart(name)}:${hash}`),
  generation: family('deepcode:cache:<key>', 'string', 'cache', '1 h', 'toolCache 256 MB', 'tool-cache', 'generated text', oneName('deepcode:cache')),
  cache: family('cache:<id>', 'string', 'cache', '1 h', 'toolCache 256 MB', 'tool-cache', 'anything else', oneName('cache')),
  modelsActive: family('models:active', 'hash', 'durable', 'none', '1 MB', 'model-manager', 'node -> models it has loaded', () => 'models:active'),
  modelStaged: family('model:staged:{<sha256>}:<n>', 'string', 'cache', 'LFU', 'modelCache 6 GB', 'model-manager', '1 MB of a staged model', (hash: string, index: number) => `model:staged:{${hash}}:${index}`),
  modelMeta: family('model:meta:<id>', 'hash', 'durable', 'none', '1 MB', 'model-manager', 'about a model', oneName('model:meta')),
  usagePattern: family('usage:pattern:<id>', 'string', 'durable', '42 d', 'patterns 1 GB', 'pattern-learner', 'usage counts', oneName('usage:pattern')),
  consciousnessLevel: family('consciousness:level:<arch>', 'string', 'durable', 'none', 'patterns 1 GB', 'thoughtseed', 'named index', oneName('consciousness:level')),
  flow: family('flow:<context>', 'hash', 'durable', '7 d', 'patterns 1 GB', 'thoughtseed', 'flow state', oneName('flow')),
  basin: family('basin:<context>', 'hash', 'durable', 'none', 'patterns 1 GB', 'thoughtseed', 'attractor basins', oneName('basin')),
  thoughtseedPacket: family('thoughtseed:packet:<id>', 'string', 'durable', '1 d', 'patterns 1 GB', 'thoughtseed', 'packet', oneName('thoughtseed:packet')),
} as const

type Catalogue = typeof catalogue
export type Keys = { readonly [Name in keyof Catalogue]: Catalogue[Name]['build'] } & {
  readonly prefix: string
  /** Any key or channel of the catalogue by its full name, for the ports that take names. */
  raw(name: string): string
}

/** A session field as a document: the key of the session's hash, `#`, and the name of the field in it. */
export function sessionField(session: string, field: string): string {
  if (session === '') throw new InvalidArgument('session', 'a session needs an id')
  if (field === '') throw new InvalidArgument('field', 'a field needs a name')
  return `${sessionFields(session)}${keyPart(field)}`
}

/** What the keys of all fields of a session begin with. */
export function sessionFields(session: string): string {
  return `${catalogue.session.build(session)}#`
}

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

/** Key of the document that keeps our side of a conflict beside theirs. */
export function besideKey(key: string, conflict: string): string {
  const place = documentPlace(key)
  return place.family === 'memory' ? memoryKey(`${place.id}.ours.${conflict}`) : `${key}.ours.${keyPart(conflict)}`
}

/** What SCAN finds documents by: the strings of memories, the hashes of sessions. */
export const documentPatterns = { memory: 'memory:{m??}:*', session: 'session:{*}' } as const

/** Where a document lives: a memory in the string of its own name, a session field in the hash of its session. */
export type DocumentPlace = { family: 'memory'; id: string; group: number } | { family: 'session'; hash: string; field: string }

/** Keys that were read lately: one write asks for its place many times. */
const places = new Map<string, DocumentPlace>()
const keptPlaces = 4_096

/** Reads the key of a document. Throws `InvalidArgument`. */
export function documentPlace(key: string): DocumentPlace {
  let place = places.get(key)
  if (place === undefined) {
    place = readPlace(key)
    if (places.size >= keptPlaces) places.clear()
    places.set(key, place)
  }
  return place
}

function readPlace(key: string): DocumentPlace {
  const memory = /^memory:\{m\d\d\}:(.+)$/.exec(key)
  if (memory !== null && isWellFormed(key)) {
    const id = fromKeyPart(memory[1]!)
    if (memoryKey(id) === key) return { family: 'memory', id, group: slotGroupOf(id) }
  }
  const end = key.indexOf('}#')
  if (key.startsWith('session:{') && end > 9 && end + 2 < key.length && isWellFormed(key) && !reservedOnce.test(key.slice(9, end) + key.slice(end + 2))) {
    return { family: 'session', hash: key.slice(0, end + 1), field: key.slice(end + 2) }
  }
  throw new InvalidArgument('key', `${JSON.stringify(key)} is no key of a document: use catalogue.memory.build(id) or sessionField(session, field)`)
}

/** The builders with an optional prefix that separates hives on one server. */
export function createKeys(prefix = ''): Keys {
  if (/[{}\s\0]/.test(prefix)) throw new InvalidArgument('prefix', 'may not contain braces, blanks or NUL')
  const keys: Record<string, unknown> = { prefix, raw: (name: string) => prefix + name }
  for (const [name, { build }] of Object.entries(catalogue)) {
    const make = build as (...parts: unknown[]) => string
    keys[name] = prefix === '' ? make : (...parts: unknown[]) => prefix + make(...parts)
  }
  // A key without braces sits where a tag of its whole name sits, and so the tag has to carry the prefix.
  keys.nodesAbout = () => `${prefix}nodes:about:{${prefix}nodes:active}`
  return keys as Keys
}
