import { createRooms } from '../actors/room/rooms.ts'
import type { Room, RoomOptions, Rooms } from '../actors/room/types.ts'
import { createBus } from './bus/bus.ts'
import type { Bus } from './bus/bus.ts'
import { kernelEventsOn } from './bus/kernel-events.ts'
import { makeNodeId, resolveConfig } from './config.ts'
import type { Config, ConfigInput } from './config.ts'
import { systemClock, systemRandomness } from './kernel/clock.ts'
import type { Clock, Randomness } from './kernel/clock.ts'
import type { Logger } from './kernel/logger.ts'
import { createActorSystem } from './kernel/system.ts'
import type { ActorSystem, AnyRef, Spawner, StopOptions, Terminated } from './kernel/types.ts'
import { createCatalogue } from './messages/catalogue.ts'
import type { Catalogue } from './messages/catalogue.ts'
import type { MessageType } from './messages/define.ts'
import { openSqliteStore } from './store/sqlite/open.ts'
import type { Store } from './store/ports.ts'

export type {
  CommitRequest, DeliveryContext, History, HistoryOptions, JoinOptions, Membership, PostOptions, PostResult, ReadOptions, Room, RoomChanges, RoomFilter, RoomHandler, RoomMessage,
  RoomOptions, Rooms, RoomSummary, Subscription, Truncated, Visibility, WorkOptions,
} from '../actors/room/types.ts'

export interface Conflict { id: string; key: string; ours: unknown; theirs: unknown }
export type ConflictChoice = 'ours' | 'theirs' | 'both' | { value: unknown }
export interface NodeInfo { id: string; roles: readonly string[] }
export interface Health { ok: boolean; problems: readonly string[] }

/** Settings of a hive: those of the environment and the configuration file, and what only code can give. */
export interface HiveOptions extends ConfigInput {
  /** Message types of your own, known to rooms and the bus. */
  messages?: readonly MessageType<string, any>[]
  /** Default: pino to stderr at `log.level`. */
  logger?: Logger
  clock?: Clock
  randomness?: Randomness
}

export interface Hive extends Spawner, AsyncDisposable {
  readonly node: { readonly id: string }
  readonly config: Config
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly system: ActorSystem
  readonly bus: Bus
  readonly catalogue: Catalogue
  readonly store: Store
  readonly rooms: Rooms
  readonly nodes: { list(): Promise<NodeInfo[]> }
  readonly conflicts: { list(): Promise<Conflict[]>; resolve(id: string, choice: ConflictChoice): Promise<void> }
  metrics(): Record<string, number>
  health(): Health
  room(name: string, options?: RoomOptions): Promise<Room>
  watch(ref: AnyRef): Promise<Terminated>
  stop(options?: StopOptions): Promise<void>
}

export async function createHive(options: HiveOptions = {}): Promise<Hive> {
  const { messages, logger: givenLogger, clock = systemClock, randomness = systemRandomness, ...configInput } = options
  const { config } = await resolveConfig(configInput)
  const logger = givenLogger ?? await defaultLogger(config.log.level)
  const nodeId = config.node.id ?? makeNodeId(randomness.id())
  const catalogue = createCatalogue(messages, { limitBytes: config.limits.messageBytes })
  const bus = createBus({ catalogue, clock, randomness, source: nodeId })
  const system = createActorSystem({ clock, randomness, logger, onEvent: kernelEventsOn(bus) })
  const store = await openSqliteStore({ dataDir: config.dataDir, clock, randomness, durability: config.durability, onNotice: ({ message }) => logger.warn({}, message) })
  const owner = { name: nodeId, fence: clock.now() }
  const rooms = createRooms({ log: store.log, catalogue, bus, clock, randomness, system, owner: () => owner, limits: { messageBytes: config.limits.messageBytes } })
  let stopping: Promise<void> | undefined
  const hive: Hive = {
    node: { id: nodeId }, config, clock, randomness, logger, system, bus, catalogue, store, rooms,
    nodes: { list: async () => [{ id: nodeId, roles: config.node.roles }] },
    conflicts: { list: async () => [], resolve: async () => {} },
    metrics: () => ({}),
    health: () => ({ ok: true, problems: [] }),
    spawn: (definition, ...rest) => system.spawn(definition, ...rest),
    watch: (ref) => system.watch(ref),
    room: (name, roomOptions) => rooms.open(name, roomOptions),
    stop(stopOptions) {
      stopping ??= (async () => {
        await rooms.stop()
        await system.stop(stopOptions)
        bus.stop()
        await store.close()
      })()
      return stopping
    },
    [Symbol.asyncDispose]: () => hive.stop(),
  }
  return hive
}

async function defaultLogger(level: string): Promise<Logger> {
  const { pino } = await import('pino')
  const logger: Logger = pino({ level }, pino.destination({ dest: 2, sync: true }))
  return logger
}
