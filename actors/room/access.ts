import { InvalidArgument, RoomConflict, RoomForbidden, RoomUnknown } from '../../src/kernel/errors.ts'
import type { LogConfig } from '../../src/store/ports.ts'
import { checkCount, checkName, defaultCap, type ResolvedLimits } from './limits.ts'
import type { RoomOptions, Visibility } from './types.ts'

/** What rooms keep in `LogConfig.meta`. */
export interface RoomMeta {
  visibility: Visibility
  members: string[]
}

const visibilities: readonly string[] = ['public', 'members', 'private'] satisfies Visibility[]

/** A room made by something else than this layer is public. */
export function metaOf(config: LogConfig): RoomMeta {
  const meta = config.meta as Partial<RoomMeta> | null | undefined
  return { visibility: meta?.visibility ?? 'public', members: meta?.members ?? [] }
}

/** @throws RoomForbidden, or RoomUnknown when not even the existence of the room may be known */
export function checkAccess(room: string, meta: RoomMeta, as: string | undefined, action: string): void {
  if (meta.visibility === 'public' || (as !== undefined && meta.members.includes(as))) return
  throw meta.visibility === 'private' ? new RoomUnknown(room) : new RoomForbidden(room, as, action)
}

export function maySee(meta: RoomMeta, as: string | undefined): boolean {
  return meta.visibility !== 'private' || (as !== undefined && meta.members.includes(as))
}

/** @throws InvalidArgument naming the option */
export function configFor(name: string, options: RoomOptions, limits: ResolvedLimits): LogConfig {
  checkName('name', name)
  if (options.as !== undefined) checkName('as', options.as)
  checkCount('cap', options.cap)
  checkCount('quotaBytes', options.quotaBytes)
  const visibility = options.visibility ?? 'public'
  if (!visibilities.includes(visibility)) throw new InvalidArgument('visibility', `"${visibility}" is none of ${visibilities.join(', ')}`)
  for (const member of options.members ?? []) checkName('members', member)
  const members = new Set(options.members)
  if (visibility !== 'public' && options.as !== undefined) members.add(options.as)
  if (visibility !== 'public' && members.size === 0) throw new InvalidArgument('members', `a room for ${visibility === 'private' ? 'private use' : 'members'} needs at least one: give members, or as`)
  return {
    cap: options.cap ?? defaultCap,
    quotaBytes: options.quotaBytes ?? limits.quotaBytes,
    dedupeMs: limits.dedupeMs,
    meta: { visibility, members: [...members].sort() } satisfies RoomMeta,
  }
}

/**
 * Holds what was asked for against what is stored.
 * @throws RoomUnknown for a private room of others, RoomConflict naming the first option that differs
 */
export function checkOptions(name: string, stored: LogConfig, options: RoomOptions): void {
  const meta = metaOf(stored)
  if (!maySee(meta, options.as)) throw new RoomUnknown(name)
  const differs = (field: string, existing: unknown, wanted: unknown): void => {
    if (wanted !== undefined && JSON.stringify(existing) !== JSON.stringify(wanted)) throw new RoomConflict(name, field, existing, wanted)
  }
  differs('visibility', meta.visibility, options.visibility)
  const wanted = options.members && new Set(options.members)
  if (wanted && meta.visibility !== 'public' && options.as !== undefined) wanted.add(options.as)
  differs('members', [...meta.members].sort(), wanted && [...wanted].sort())
  differs('cap', stored.cap, options.cap)
  differs('quotaBytes', stored.quotaBytes, options.quotaBytes)
}
