import type { Hive } from '../hive.ts'
import type { ScenarioCounts } from './define.ts'
import type { Progress } from './progress.ts'

/** Counts what fails in a hive from now on, and says so. */
export function countFailures(hive: Hive, progress: Progress): { counts: ScenarioCounts; stop(): void } {
  const counts = { crashes: 0, restarts: 0, deadLetters: 0 }
  const subscriptions = [
    hive.bus.on('actor.crashed').subscribe(({ data }) => {
      counts.crashes++
      progress.note(`${data.actor} crashed: ${data.message}`)
    }),
    hive.bus.on('actor.restarted').subscribe(({ data }) => {
      counts.restarts++
      progress.note(`${data.actor} was restarted`)
    }),
    hive.bus.on('deadletter.added').subscribe(() => counts.deadLetters++),
    hive.bus.on('room.dead-lettered').subscribe(({ data }) => {
      counts.deadLetters++
      progress.note(`a message of ${data.room} was given up after ${data.attempts} attempts: ${data.reason}`)
    }),
  ]
  return { counts, stop: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) }
}
