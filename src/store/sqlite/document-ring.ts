import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { DocumentChange, Stoppable } from '../ports.ts'
import type { Client } from './client.ts'
import { documentsFile } from './files.ts'

/** How late a change may be noticed when watching the file fails, ms. */
const sweepMs = 1_000
const pageChanges = 1_000

export interface DocumentRing {
  follow(onChange: (changes: readonly DocumentChange[]) => void): Stoppable
  stop(): Promise<void>
}

export interface DocumentRingOptions {
  dataDir: string
  clock: Clock
  client: Client
  /** Following goes on, by the sweep alone or without the listener that threw. */
  onProblem(message: string): void
}

/** Tells followers what changed in the folder, in this process or another: they touch a file, and a look by `seq` says what it was. */
export function createDocumentRing({ dataDir, clock, client, onProblem }: DocumentRingOptions): DocumentRing {
  const listeners = new Set<(changes: readonly DocumentChange[]) => void>()
  /** Everything up to here was told; undefined until it is known where the first listener begins. */
  let told: number | undefined
  let watcher: FSWatcher | undefined
  let sweep: Timer | undefined
  let looking: Promise<void> | undefined
  let lookAgain = false

  function tell(changes: readonly DocumentChange[]): void {
    for (const listener of listeners) {
      try {
        listener(changes)
      } catch (error) {
        onProblem(`a listener to documents failed: ${messageOf(error)}`)
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
      let since = told ?? await client.call('documentsNow', undefined)
      for (let full = true; full;) {
        const { changes, seq } = await client.call('documentsSince', { since, limit: pageChanges })
        told = since = seq
        full = changes.length === pageChanges
        if (changes.length > 0) tell(changes)
      }
    } catch (error) {
      if (listeners.size > 0) onProblem(`looking for changed documents failed, and is tried again within a second: ${messageOf(error)}`)
    }
  }

  function armSweep(): void {
    sweep = clock.timer(sweepMs, () => {
      look()
      armSweep()
    }, { background: true })
  }

  function start(): void {
    look()
    try {
      watcher = watch(documentsFile(dataDir), { persistent: false }, look)
      watcher.on('error', (error) => onProblem(`watching ${dataDir} failed, documents of other processes may take a second: ${messageOf(error)}`))
    } catch (error) {
      onProblem(`${dataDir} cannot be watched, documents of other processes may take a second: ${messageOf(error)}`)
    }
    armSweep()
  }

  function end(): void {
    watcher?.close()
    sweep?.cancel()
    watcher = undefined
    sweep = undefined
    told = undefined
  }

  return {
    follow(onChange) {
      const listener = (changes: readonly DocumentChange[]): void => onChange(changes)
      listeners.add(listener)
      if (listeners.size === 1) start()
      return {
        async stop() {
          if (listeners.delete(listener) && listeners.size === 0) end()
        },
      }
    },
    async stop() {
      if (listeners.size > 0) end()
      listeners.clear()
      await looking
    },
  }
}
