import { systemClock } from '../kernel/clock.ts'
import { exitCodes } from './exit.ts'
import type { Io } from './io.ts'

const longMs = 24 * 3600 * 1000

/** Keeps the process alive: an idle hive does not. */
function stayAlive(): () => void {
  let timer = systemClock.timer(longMs, again)
  function again(): void {
    timer = systemClock.timer(longMs, again)
  }
  return () => timer.cancel()
}

/**
 * Runs a command that Ctrl-C (or a termination) ends in an orderly way: the first aborts the signal, the second ends the process at once.
 * `quiet` for commands whose normal end that is.
 */
export async function interruptible<T>(io: Io, run: (signal: AbortSignal) => Promise<T>, options: { quiet?: boolean } = {}): Promise<T> {
  const controller = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    if (!options.quiet) io.err(`${io.stderrIsTerminal ? '\n' : ''}stopping (${name}); once more ends at once`)
    controller.abort(name)
  }
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of names) process.on(name, onSignal)
  const release = stayAlive()
  try {
    return await run(controller.signal)
  } finally {
    release()
    for (const name of names) process.off(name, onSignal)
  }
}

/** Resolves when one of the signals aborts. */
export function whenAborted(...signals: AbortSignal[]): Promise<void> {
  const either = AbortSignal.any(signals)
  return new Promise((resolve) => {
    if (either.aborted) resolve()
    else either.addEventListener('abort', () => resolve(), { once: true })
  })
}
