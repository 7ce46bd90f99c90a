import { Cancelled, HivemindError } from '../kernel/errors.ts'
import type { Io } from './io.ts'

/** What the process ends with. A signal adds 128, as shells do. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** The command was used wrongly: exit code 2. */
export class UsageError extends Error {}

const usageCodes = new Set(['invalid_argument', 'invalid_config', 'invalid_message', 'unknown_message_type', 'message_too_large'])

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof Cancelled) return exitCodes.interrupted
  return isHivemindError(error) && usageCodes.has(error.code) ? exitCodes.usage : exitCodes.failed
}

/** One line that says what is wrong and what to do; the stack only when somebody debugs, or when the mistake is ours. */
export function tellError(io: Io, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  io.err(`hivemind: ${message || 'failed'}`)
  if (process.env.HIVEMIND_DEBUG) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) io.err(at.stack ?? at.message)
  } else if (!(error instanceof UsageError) && !isHivemindError(error)) {
    io.err('This was not expected. HIVEMIND_DEBUG=1 shows where it happened.')
  }
}

/** Also for errors of another copy of this package. */
function isHivemindError(error: unknown): error is HivemindError {
  return error instanceof HivemindError || (error instanceof Error && typeof (error as Partial<HivemindError>).code === 'string' && typeof (error as Partial<HivemindError>).retryable === 'boolean')
}
