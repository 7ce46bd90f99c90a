import { systemClock, systemRandomness } from './clock.ts'
import type { Clock, Randomness } from './clock.ts'
import { InvalidArgument, SpawnRefused } from './errors.ts'
import { Kernel } from './kernel.ts'
import { stderrLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { LocalRef } from './ref.ts'
import type { OwnedGroup, Owner } from './runtime.ts'
import type { ActorSystem, AnyRef, DeadLetters, Definition, SpawnOptions, StopOptions, SystemOptions, Terminated, TreeNode } from './types.ts'

/** An empty actor system. Nothing runs, and nothing keeps the process alive, until something is spawned. */
export function createActorSystem(options: SystemOptions = {}): ActorSystem {
  return new System(options)
}

/** Id of the root of the tree. */
const guardianId = 'user'

/** An actor system and its root. An actor that escalates to the root has ended; the others go on. */
class System implements ActorSystem, Owner {
  readonly clock: Clock
  readonly randomness: Randomness
  readonly logger: Logger
  readonly prefix = ''
  readonly groups = new Set<OwnedGroup>()
  readonly #kernel: Kernel
  #stopping: Promise<void> | undefined

  constructor({ clock = systemClock, randomness = systemRandomness, logger = stderrLogger, mailboxCapacity = 1_000, onEvent }: SystemOptions) {
    this.clock = clock
    this.randomness = randomness
    this.#kernel = new Kernel({ clock, randomness, logger, mailboxCapacity, onEvent })
    this.logger = this.#kernel.logger
  }

  get deadLetters(): DeadLetters {
    return this.#kernel.deadLetters
  }

  spawn(definition: Definition<any, any, any>, options?: SpawnOptions<any>): Promise<any> {
    if (this.#stopping !== undefined) return Promise.reject(new SpawnRefused(guardianId))
    return this.#kernel.spawn(this, definition, options)
  }

  watch(ref: AnyRef): Promise<Terminated> {
    return new Promise((resolve) => LocalRef.targetOf(ref).addWatcher({ notify: resolve }))
  }

  lookup(id: string): AnyRef | undefined {
    return this.#kernel.registry.get(id)
  }

  tree(): TreeNode {
    return {
      id: guardianId,
      kind: 'guardian',
      name: guardianId,
      state: this.#stopping === undefined ? 'running' : this.groups.size > 0 ? 'stopping' : 'stopped',
      mailbox: 0,
      restarts: 0,
      incarnation: 1,
      handled: 0,
      children: [...this.groups].flatMap((group) => group.nodes()),
    }
  }

  stuck(ms: number): TreeNode[] {
    if (!(ms >= 0)) throw new InvalidArgument('ms', `must be a number of at least 0, is ${ms}`)
    const found: TreeNode[] = []
    const look = (node: TreeNode): void => {
      if (node.busyMs !== undefined && node.busyMs >= ms) found.push(node)
      node.children.forEach(look)
    }
    look(this.tree())
    return found
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stopAll(options)
    return this.#stopping
  }

  /** The log has said it; nobody is above. */
  groupEscalated(): void {}

  async #stopAll({ drainMs = 0, graceMs }: StopOptions): Promise<void> {
    const drainUntil = this.clock.monotonic() + drainMs
    for (const group of [...this.groups].reverse()) {
      await group.stop({ drainMs: Math.max(0, drainUntil - this.clock.monotonic()), graceMs })
    }
  }
}
