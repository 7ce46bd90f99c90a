import type { Command } from './space.ts'

/** A timer a part has running. `left`: ticks until it is due (negative: it is late); absent where time is not counted, and it may fire at any time. */
export interface PendingTimer {
  id: string
  nonce: unknown
  left?: number
  /** It fired before it was cancelled or replaced, and its event is still on the way. */
  stale?: true
}

/** The timers after the commands `startTimer { id, ms, nonce }` and `cancelTimer { id }`; others are no concern of theirs. */
export function afterCommands(timers: readonly PendingTimer[], commands: readonly Command[], ticksOf: ((ms: number) => number) | undefined): readonly PendingTimer[] {
  let next = timers
  for (const { type, params } of commands) {
    if (type !== 'startTimer' && type !== 'cancelTimer') continue
    next = retire(next, params.id)
    if (type === 'startTimer') {
      const timer: PendingTimer = { id: params.id, nonce: params.nonce }
      next = sorted([...next, ticksOf === undefined ? timer : { ...timer, left: ticksOf(params.ms) }])
    }
  }
  return next
}

/** Takes a timer off. What may have fired already is kept as stale: one for each id. */
function retire(timers: readonly PendingTimer[], id: string): readonly PendingTimer[] {
  const running = timers.find((timer) => timer.id === id && timer.stale === undefined)
  if (running === undefined) return timers
  const rest = timers.filter((timer) => timer !== running)
  if (running.left !== undefined && running.left > 0) return rest
  return sorted([...rest.filter((timer) => timer.id !== id), { id, nonce: running.nonce, stale: true }])
}

/** The timers without the one that fires. */
export function afterFiring(timers: readonly PendingTimer[], fired: PendingTimer): readonly PendingTimer[] {
  return timers.filter((timer) => timer !== fired)
}

export function afterTicks(timers: readonly PendingTimer[], ticks: number): readonly PendingTimer[] {
  return timers.map((timer) => (timer.left === undefined ? timer : { ...timer, left: timer.left - ticks }))
}

export function mayFire({ left, stale }: PendingTimer): boolean {
  return stale === true || left === undefined || left <= 0
}

function sorted(timers: PendingTimer[]): PendingTimer[] {
  const order = ({ id, stale }: PendingTimer): string => `${id}${stale ? 1 : 0}`
  return timers.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}
