import { documentPlace, slotGroups } from '../keys.ts'

/** Number of the change stream of sessions; those of memories are numbered as their slot groups. */
export const sessionStream = slotGroups
export const changeStreams = slotGroups + 1

export function streamOf(key: string): number {
  const place = documentPlace(key)
  return place.family === 'memory' ? place.group : sessionStream
}
