/**
 * Nonces for the timers and requests of a machine. A machine has no clock: it asks for a timer with the command
 * `startTimer { id, ms, nonce }` and gets `{ type: 'timer', id, nonce }` back. Starting a timer again under the same id
 * replaces it, and the nonce tells the answer of the replaced one, which may already be on its way, from the new one's.
 */
export interface Nonces {
  /** The last one given out. */
  readonly last: number
  /** They count from 1 to this and start over. Small when a machine is explored, so that there is an end of states. */
  readonly wrap: number
  /** What is running, by id: a timer or a request that waits for its answer. */
  readonly running: Readonly<Record<string, number>>
}

export interface TimerEvent {
  type: 'timer'
  id: string
  nonce: number
}

export function noNonces(wrap: number = 2 ** 31): Nonces {
  return { last: 0, wrap, running: {} }
}

export function begin(nonces: Nonces, id: string): Nonces {
  const last = (nonces.last % nonces.wrap) + 1
  return { ...nonces, last, running: { ...nonces.running, [id]: last } }
}

export function end(nonces: Nonces, ...ids: string[]): Nonces {
  return { ...nonces, running: Object.fromEntries(Object.entries(nonces.running).filter(([id]) => !ids.includes(id))) }
}

export function isRunning(nonces: Nonces, id: string, nonce: number): boolean {
  return nonces.running[id] === nonce
}
