import { InvalidArgument } from '../../src/kernel/errors.ts'
import type { RoomLimits } from './types.ts'

export type ResolvedLimits = Required<RoomLimits>

export const defaultCap = 10_000
export const defaultMaxAttempts = 5
export const defaultDeadlineMs = 10 * 60_000
export const defaultDrainMs = 5_000
/** A store that was away is looked for this often at least: asking costs little, and its return is what everybody waits for. */
export const maxStorePauseMs = 5_000

/** Characters of a room, group or member name. */
const longestName = 256

export function resolveLimits(limits: RoomLimits = {}): ResolvedLimits {
  return {
    messageBytes: limits.messageBytes ?? 1024 * 1024,
    quotaBytes: limits.quotaBytes ?? 64 * 1024 * 1024,
    dedupeMs: limits.dedupeMs ?? 24 * 3_600_000,
    takeOverMs: limits.takeOverMs ?? 15_000,
    retry: limits.retry ?? { minMs: 200, maxMs: 30_000 },
  }
}

/** @throws InvalidArgument when it is no text of 1 to 256 characters */
export function checkName(field: string, name: unknown): void {
  if (typeof name !== 'string' || name === '' || name.length > longestName) {
    throw new InvalidArgument(field, `give a text of 1 to ${longestName} characters, not ${JSON.stringify(name)?.slice(0, 80)}`)
  }
}

/** @throws InvalidArgument when it is given and no whole number of at least `least` */
export function checkCount(field: string, value: number | undefined, least = 1): void {
  if (value !== undefined && (!Number.isInteger(value) || value < least)) throw new InvalidArgument(field, `give a whole number of at least ${least}, not ${value}`)
}
