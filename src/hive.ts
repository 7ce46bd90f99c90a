import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { busMirror } from '../actors/bus-mirror/bus-mirror.ts'
import { createEmbedder } from '../actors/embedder-pool/embedder.ts'
import { memoryKeeper } from '../actors/memory/keeper.ts'
import { createMemory } from '../actors/memory/memory.ts'
import type { Memory } from '../actors/memory/types.ts'
import { defaultNodeTtlMs, membership } from '../actors/membership/membership.ts'
import type { NodeInfo as Heard, NodeSummary } from '../actors/membership/membership.ts'
import { createRoles } from '../actors/membership/roles.ts'
import type { Roles } from '../actors/membership/roles.ts'
import { redisLink } from '../actors/redis-link/redis-link.ts'
import { replica } from '../actors/replica/replica.ts'
import { createRooms } from '../actors/room/rooms.ts'
import type { Room, RoomOptions, Rooms } from '../actors/room/types.ts'
import { createSession } from '../actors/session/session.ts'
import type { Session } from '../actors/session/session.ts'
import { createWorkingMemory } from '../actors/session/working-memory.ts'
import type { WorkingMemory } from '../actors/session/working-memory.ts'
import { createCallCache } from '../actors/tool-cache/cache.ts'
import type { CallCache } from '../actors/tool-cache/cache.ts'
import { createBus } from './bus/bus.ts'
import type { Bus } from './bus/bus.ts'
import { kernelEventsOn } from './bus/kernel-events.ts'
import { createStoreNotices } from './bus/store-notices.ts'
import { resolveConfig } from './config.ts'
import type { Config, ConfigInput } from './config.ts'
import { createHealth } from './health.ts'
import type { Health } from './health.ts'
import { sleep, systemClock, systemRandomness } from './kernel/clock.ts'
import type { EmbedOptions, Embeddings } from './embedding/types.ts'
import type { Clock, Randomness } from './kernel/clock.ts'
import { defineSupervisor } from './kernel/define-supervisor.ts'
import type { SupervisedChild } from './kernel/define-supervisor.ts'
import { messageOf, StoreUnavailable } from './kernel/errors.ts'
import type { Logger } from './kernel/logger.ts'
import { createActorSystem } from './kernel/system.ts'
import type { ActorRef, ActorSystem, AnyRef, RefOf, Spawner, StopOptions, Terminated } from './kernel/types.ts'
import { createCatalogue } from './messages/catalogue.ts'
import type { Catalogue } from './messages/catalogue.ts'
import type { MessageType } from './messages/define.ts'
import { catalogue as keys, ttlMs } from './store/keys.ts'
import { openNodeStore } from './store/open-node.ts'
import type { NodeStore, NodeStoreOptions } from './store/open-node.ts'
import type { NodeEpoch } from './store/node-epoch.ts'
import type { Conflicts } from './store/outage/conflicts.ts'
import type { OutageStore } from './store/outage/open.ts'
import type { Store } from './store/ports.ts'
import { openRecallIndex } from './vectors/open.ts'
import type { RecallIndex } from './vectors/types.ts'

export type {
  CommitRequest, DeliveryContext, History, HistoryOptions, JoinOptions, ManyPost, Membership, PostOptions, PostResult, ReadOptions, Room, RoomChanges, RoomFilter, RoomHandler, RoomMessage,
  RoomOptions, Rooms, RoomSummary, Subscription, Truncated, Visibility, WorkOptions,
} from '../actors/room/types.ts'
export type { RoleHandlers, Roles } from '../actors/membership/roles.ts'
export type {
  AuditEntry, Channel, Consolidated, ConsolidateOptions, HitParts, Imported, Memory, MemoryInput, MemoryKind, MemoryRecord, MemoryState, MemoryStats, Recalled, RecallRequest, RecallResult, Scope,
  Selected, Selection, Stored,
} from '../actors/memory/types.ts'
export type { Session, SessionState, SetOptions } from '../actors/session/session.ts'
export type { WorkingMemory } from '../actors/session/working-memory.ts'
export type { CallCache, CallCacheStats, CallOptions, EntryOptions, WrapOptions } from '../actors/tool-cache/cache.ts'
export type { EmbedOptions, Embeddings } from './embedding/types.ts'
export type { Health } from './health.ts'
export type { Conflict, Conflicts, KeptConflict, Resolution } from './store/outage/conflicts.ts'

/** Settings of a hive: those of the environment and the configuration file, and what only code can give. */
export interface HiveOptions extends ConfigInput {
  /** Message types of your own, known to rooms and the bus. */
  messages?: readonly MessageType<string, any>[]
  /** Default: pino to stderr at `log.level`. */
  logger?: Logger
  clock?: Clock
  randomness?: Randomness
}

export interface NodeInfo extends NodeSummary {
  id: string
  /** Until it counts as gone, unless it is heard of again. */
  remainingMs: number
  /** The node that answers. */
  self: boolean
}

/** One node: the actors of this process and their part in the hive. */
export interface Hive extends Spawner, AsyncDisposable {
  readonly node: { readonly id: string; readonly roles: readonly string[] }
  readonly config: Config
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly system: ActorSystem
  readonly bus: Bus
  /** The message types this hive knows. */
  readonly catalogue: Catalogue
  readonly store: Store
  readonly rooms: Rooms
  readonly nodes: { list(): Promise<NodeInfo[]> }
  /** What only one node of the hive does at a time. The configured roles are asked for from the start. */
  readonly roles: Roles
  /** Records that two sides changed while the shared store was away. Kept in the data folder. */
  readonly conflicts: Conflicts
  /** Opens a room, creating it when it is new. */
  room(name: string, options?: RoomOptions): Promise<Room>
  watch(ref: AnyRef): Promise<Terminated>
  /** What is known, by everybody who shares this hive. */
  readonly memory: Memory
  /** State of a session, kept for 7 days from its last change. */
  session(id: string): Session
  /** What an agent has in mind for the next hours; it becomes episodes of the memory. */
  workingMemory(agent: string, scope?: { project?: string; session?: string }): WorkingMemory
  /** Results of tools by what they were called with. */
  readonly toolCache: CallCache
  /** Texts of models by model, messages and parameters. */
  readonly generationCache: CallCache
  /**
   * Vectors of texts, by the model of the configuration (`embedder.model`). Throws `EmbedderBusy`, `EmbedderUnavailable`, `ModelUnusable`,
   * `InvalidArgument` and, when `signal` aborts, `Cancelled`.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Embeddings>
  /** Figures of this moment, by dotted name. */
  metrics(): Promise<Record<string, number>>
  health(): Health
  /** Where this node can be reached over HTTP: told to the other nodes. */
  announceHttp(url: string): void
  /** Stops the readers of rooms, then all actors, then closes the stores. Twice is harmless. */
  stop(options?: StopOptions): Promise<void>
}

/** How long a hive that reached Redis waits for its outage journal to be sent before it is handed out, ms. */
const resyncMs = 10_000

/**
 * Starts a node. Rejects with `InvalidConfig` for a wrong setting, `StoreMisconfigured` for a data folder or a Redis that
 * cannot be used as it is set up. A Redis that is away is no failure: the node starts degraded (see `health()`).
 */
export async function createHive(options: HiveOptions = {}): Promise<Hive> {
  const { messages, logger: givenLogger, clock = systemClock, randomness = systemRandomness, ...configInput } = options
  const { config, notices } = await resolveConfig(configInput)
  const logger = givenLogger ?? defaultLogger(config.log.level)
  for (const notice of notices) logger.warn({}, notice)
  return startHive({ config, messages, logger, clock, randomness, openStore: openNodeStore })
}

/** What a node is made of. */
export interface HiveParts {
  config: Config
  messages?: readonly MessageType<string, any>[]
  logger: Logger
  clock: Clock
  randomness: Randomness
  openStore(options: NodeStoreOptions): Promise<NodeStore>
}

/** Starts a node on stores of one's own: the simulator runs whole nodes on simulated ones. */
export async function startHive({ config, messages, logger, clock, randomness, openStore }: HiveParts): Promise<Hive> {
  const catalogue = createCatalogue(messages, { limitBytes: config.limits.messageBytes })
  let superseded = false
  const storeNotices = createStoreNotices(logger, clock)
  const node = await openStore({ config, clock, randomness, logger, onNotice: storeNotices.tell, onSuperseded: () => {
    superseded = true
    logger.error({ node: node.name }, 'another process runs under the id of this node and started later: this one stops')
    hive.stop().catch((error: unknown) => logger.error({ problem: messageOf(error) }, 'the superseded node did not stop cleanly'))
  } })
  const bus = createBus({ catalogue, clock, randomness, source: node.name })
  const system = createActorSystem({ clock, randomness, logger, mailboxCapacity: config.limits.mailbox, onEvent: kernelEventsOn(bus) })
  const rooms = createRooms({
    log: node.store.log, catalogue, bus, clock, randomness, system, name: node.name, owner: () => node.epoch.owner(),
    limits: { messageBytes: config.limits.messageBytes, quotaBytes: config.limits.roomBytes },
  })
  const roles = createRoles({
    node: node.name, leases: node.store.leases, bus, clock, ttlMs: defaultNodeTtlMs,
    onFailure: (error) => logger.debug({ problem: messageOf(error) }, 'a role was not renewed: tried again'),
  })
  const embedder = createEmbedder({
    config, node: node.name, system, clock, randomness, cache: node.store.cache, signals: node.store.signals, nodes: () => hive.nodes.list(),
    onProblem: (error) => logger.warn({ problem: messageOf(error) }, 'the embedder had a failure that it goes on from'),
  })
  const callCache = (key: (name: string, hash: string) => string, lifeMs: number): CallCache => createCallCache({
    cache: node.store.cache, leases: node.store.leases, clock, randomness, node: node.name, ttlMs: lifeMs, key,
    onProblem: (error) => logger.debug({ problem: messageOf(error) }, 'a cache had a failure that the call goes on without'),
  })
  const toolCache = callCache(keys.tool.build, ttlMs.toolCache)
  const generationCache = callCache((name, hash) => keys.generation.build(`${name}:${hash}`), ttlMs.generationCache)
  let recall: RecallIndex | undefined
  let memory: Memory | undefined
  const wakeKeeper = (again: boolean): void => lookup<RefOf<typeof memoryKeeper>>('memory-keeper')?.tell({ type: 'wake', again })
  function openMemory(): Memory {
    const { folder } = node
    if (folder === undefined) throw new StoreUnavailable('this node has no data folder to keep memories in')
    const onProblem = (problem: string): void => logger.warn({ problem }, 'the memory had a failure that it goes on from')
    recall = openRecallIndex({ dataDir: config.dataDir, database: folder.path, clock, onProblem: ({ message }) => onProblem(message) })
    // Its thread starts while the first question is embedded; what fails here fails there, and is told there.
    recall.stats().catch((error: unknown) => logger.debug({ problem: messageOf(error) }, 'the recall index did not start ahead of its first question'))
    wakeKeeper(false)
    return createMemory({
      documents: node.store.documents, database: folder.database, index: recall, embedder, records: node.store.records, log: node.store.log, cache: node.store.cache, bus, clock,
      limits: config.memory, onUnembedded: () => wakeKeeper(true), onProblem: (error) => onProblem(messageOf(error)),
    }, () => randomness.id())
  }
  const health = createHealth({ system, bus, standard: 'hive', link: () => node.outage?.link, superseded: () => superseded })
  const startedAt = clock.now()
  let http: string | undefined
  const summary = (): NodeSummary => ({
    pid: process.pid, host: hostname(), roles: [...config.node.roles], holds: roles.held().map(({ role }) => role),
    actors: health.actors(), health: health.read().state, startedAt, ...(http !== undefined && { http }), ...epochOf(node),
  })
  const lookup = <Ref extends ActorRef<any, any>>(id: string): Ref | undefined => system.lookup(`hive/${id}`) as Ref | undefined
  let stopping: Promise<void> | undefined

  const stop = async (stopOptions?: StopOptions): Promise<void> => {
    await rooms.stop()
    await roles.stop()
    await recall?.close()
    await embedder.close()
    await system.stop(stopOptions)
    health.stop()
    bus.stop()
    await node.close()
  }
  const hive: Hive = {
    node: { id: node.name, roles: config.node.roles },
    config, clock, randomness, logger, system, bus, catalogue, rooms, roles,
    store: node.store,
    get memory() {
      memory ??= openMemory()
      return memory
    },
    session: (id) => createSession(id, node.store.documents, clock),
    workingMemory: (agent, scope = {}) => createWorkingMemory(agent, scope, { records: node.store.records, memory: hive.memory, clock }),
    toolCache,
    generationCache,
    conflicts: node.conflicts,
    nodes: {
      async list() {
        const heard = await lookup<RefOf<typeof membership>>('membership')?.ask({ type: 'list' }) as Heard[] | undefined
        return (heard ?? []).map(({ node: id, ...info }) => ({ id, ...info }))
      },
    },
    spawn: (definition, ...rest) => system.spawn(definition, ...rest),
    watch: (ref) => system.watch(ref),
    embed: (texts, embedOptions) => embedder.embed(texts, embedOptions),
    room: (name, roomOptions) => rooms.open(name, roomOptions),
    async metrics() {
      const mirror = await lookup<RefOf<typeof busMirror>>('bus-mirror')?.ask({ type: 'stats' })
      const link = node.outage?.link
      return {
        ...health.figures(),
        ...figuresOf('embedder', embedder.stats()),
        ...figuresOf('cache', { tool: toolCache.stats(), generation: generationCache.stats() }),
        cache_hit_rate: hitRate(toolCache, generationCache),
        ...(mirror === undefined ? {} : figuresOf('mirror', mirror)),
        ...figuresOf('documents', node.store.documents.freshness()),
        ...(link === undefined ? {} : { 'link.connected': link.state === 'connected' ? 1 : 0, 'journal.items': link.journal.items, 'journal.bytes': link.journal.bytes }),
      }
    },
    health: () => health.read(),
    announceHttp(url) {
      http = url
      lookup<RefOf<typeof membership>>('membership')?.tell({ type: 'announce' })
    },
    stop(stopOptions) {
      stopping ??= stop(stopOptions)
      return stopping
    },
    [Symbol.asyncDispose]: () => hive.stop(),
  }

  try {
    await system.spawn(defineSupervisor({ name: 'hive', strategy: 'one-for-one', children: standardActors() }), { id: 'hive' })
    if (node.outage !== undefined) {
      await inSync(node.outage, node.epoch, clock)
      // When it was started the link was not up yet.
      lookup<RefOf<typeof membership>>('membership')?.tell({ type: 'announce' })
    }
    await embedder.serve()
    for (const role of config.node.roles) roles.hold(role, { onGained: () => {}, onLost: () => {} })
    storeNotices.attach(bus)
    return hive
  } catch (error) {
    await hive.stop()
    throw error
  }

  /** In start order; stopped in reverse, so that a farewell can still be sent. */
  function standardActors(): SupervisedChild[] {
    const { outage, store, presence, name, epoch } = node
    const shared: SupervisedChild[] = outage === undefined || store.signals === undefined ? [] : [
      { id: 'redis-link', definition: redisLink, input: { store: outage, bus }, restart: 'permanent' },
      { id: 'bus-mirror', definition: busMirror, input: { bus, signals: store.signals, catalogue, origin: name, epoch, clock, randomness }, restart: 'permanent' },
    ]
    const filling: SupervisedChild[] = outage?.replication === undefined ? [] : [
      { id: 'replica', definition: replica, input: { replication: outage.replication, node: name, bus }, restart: 'permanent' },
    ]
    const keeping: SupervisedChild[] = node.folder === undefined ? [] : [
      { id: 'memory-keeper', definition: memoryKeeper, input: { documents: store.documents, database: node.folder.database, embedder, leases: store.leases, node: name }, restart: 'permanent' },
    ]
    return [...shared, ...filling, ...keeping, { id: 'membership', definition: membership, input: { node: name, presence, bus, summary, mirrored: outage !== undefined, superseded: () => superseded }, restart: 'permanent' }]
  }
}

function epochOf(node: NodeStore): { epoch?: number } {
  const epoch = node.epoch.current
  return epoch === undefined ? {} : { epoch }
}

/** Waits until the journal of an earlier life is sent and this one has its epoch; gives up when Redis is away, or after a while. */
async function inSync({ link }: OutageStore, epoch: NodeEpoch, clock: Clock): Promise<void> {
  const until = clock.monotonic() + resyncMs
  while (link.state !== 'connected' || epoch.current === undefined) {
    if (link.reason !== undefined || clock.monotonic() > until) return
    const looked = new AbortController()
    const nap = sleep(clock, 100, looked.signal).catch(() => undefined)
    await Promise.race([link.state === 'connected' ? epoch.begun() : link.changed(), nap])
    looked.abort()
  }
}

/** The numbers in a nested object, by dotted name. */
function figuresOf(prefix: string, figures: object): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).flatMap(([key, value]) => (
    typeof value === 'number' ? [[`${prefix}.${key}`, value]] : typeof value === 'object' && value !== null ? Object.entries(figuresOf(`${prefix}.${key}`, value)) : []
  )))
}

/** Share of calls that were answered without being made; 0 before the first. */
function hitRate(...caches: CallCache[]): number {
  const sums = caches.map((cache) => cache.stats())
  const answered = sums.reduce((sum, { hits, shared }) => sum + hits + shared, 0)
  return answered / Math.max(1, sums.reduce((sum, { misses }) => sum + misses, answered))
}

/** pino, made when there is something to log: most hives never do, and it takes its time to load. */
function defaultLogger(level: Config['log']['level']): Logger {
  const load = createRequire(import.meta.url)
  let made: Logger | undefined
  const from = levels.indexOf(level)
  const at = (wanted: keyof Logger) => (fields: object, message: string): void => {
    if (from > levels.indexOf(wanted)) return
    if (made === undefined) {
      const { pino } = load('pino') as typeof import('pino')
      made = pino({ level }, pino.destination({ dest: 2, sync: true }))
    }
    made[wanted](fields, message)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const levels: readonly Config['log']['level'][] = ['trace', 'debug', 'info', 'warn', 'error', 'silent']
