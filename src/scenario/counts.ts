import type { Hive } from '../hive.ts'
import type { ScenarioCounts } from './define.ts'

/** Counts what fails in a hive from now on. */
export function countFailures(hive: Hive): { counts: ScenarioCounts; stop(): void } {
  const counts = { crashes: 0, restarts: 0, deadLetters: 0 }
  const subscriptions = [
    hive.bus.on('actor.crashed').subscribe(() => counts.crashes++),
    hive.bus.on('actor.restarted').subscribe(() => counts.restarts++),
    hive.bus.on('deadletter.added').subscribe(() => counts.deadLetters++),
    hive.bus.on('room.dead-lettered').subscribe(() => counts.deadLetters++),
  ]
  return { counts, stop: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) }
}
