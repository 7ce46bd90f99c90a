import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { EntryId, Log, Stoppable } from '../ports.ts'
import type { Client } from './client.ts'
import { ringFile } from './files.ts'
import type { Rung } from './worker/rooms.ts'

const sweepMs = 1_000

type Listener = (rooms: ReadonlyMap<string, EntryId>) => void

export interface RingOptions {
  dataDir: string
  clock: Clock
  client: Client
  /** Listening goes on, by the sweep alone or without the listener that threw. */
  onProblem(message: string): void
}

export interface Ring {
  listen: Log['listen']
  /** Own appends ring at once. */
  rung(rung: Rung): void
  stop(): Promise<void>
}

/**
 * Tells listeners which rooms have news. Appends of other processes are noticed by a change of the ring file, and by a
 * look once a second should that be missed. Without listeners nothing runs.
 */
export function createRing({ dataDir, clock, client, onProblem }: RingOptions): Ring {
  const listeners = new Set<Listener>()
  /** The ring's number up to which everything was told. */
  let told = 0
  let watcher: FSWatcher | undefined
  let sweep: Timer | undefined
  let release: (() => void) | undefined
  let looking: Promise<void> | undefined
  let lookAgain = false

  function tell(rooms: Rung['rooms']): void {
    if (rooms.length === 0) return
    const map = new Map(rooms)
    for (const listener of listeners) {
      try {
        listener(map)
      } catch (error) {
        onProblem(`a listener to rings failed: ${messageOf(error)}`)
      }
    }
  }

  /** One look at a time; a ring meanwhile makes another follow. */
  function look(): void {
    if (looking !== undefined) {
      lookAgain = true
      return
    }
    looking = ask().finally(() => {
      looking = undefined
      if (!lookAgain || listeners.size === 0) return
      lookAgain = false
      look()
    })
  }

  async function ask(): Promise<void> {
    try {
      const changes = await client.call('changesSince', { since: told })
      told = changes.ring
      tell(changes.rooms)
    } catch (error) {
      onProblem(`looking for news failed, and is tried again within a second: ${messageOf(error)}`)
    }
  }

  function armSweep(): void {
    sweep = clock.timer(sweepMs, () => {
      look()
      armSweep()
    }, { background: true })
  }

  function startWatching(): void {
    release = client.hold()
    try {
      watcher = watch(ringFile(dataDir), { persistent: false }, look)
      watcher.on('error', (error) => onProblem(`watching ${dataDir} failed, news from other processes may take a second: ${messageOf(error)}`))
    } catch (error) {
      onProblem(`${dataDir} cannot be watched, news from other processes may take a second: ${messageOf(error)}`)
    }
    armSweep()
  }

  function stopWatching(): void {
    watcher?.close()
    sweep?.cancel()
    release?.()
    watcher = undefined
    sweep = undefined
    release = undefined
  }

  return {
    async listen(onRing): Promise<Stoppable> {
      const ring = await client.call('ringNow', undefined)
      if (listeners.size === 0) {
        told = ring
        startWatching()
      }
      const listener: Listener = (rooms) => onRing(rooms)
      listeners.add(listener)
      return {
        async stop() {
          if (listeners.delete(listener) && listeners.size === 0) stopWatching()
        },
      }
    },
    rung({ ring, rooms }) {
      if (listeners.size === 0) return
      if (ring === told + 1) told = ring
      tell(rooms)
    },
    async stop() {
      if (listeners.size > 0) stopWatching()
      listeners.clear()
      await looking
    },
  }
}
