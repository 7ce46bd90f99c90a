import { slotGroupOf, type Keys } from '../keys.ts'

/** The five KEYS of a room that `lua/lib/post.lua` expects, in its order. */
export function roomKeys(keys: Keys, room: string): string[] {
  return [keys.room(room), keys.roomAbout(room), keys.roomIds(room, 0), keys.roomIds(room, 1), keys.roomsLast(slotGroupOf(room))]
}

export function ringChannel(keys: Keys, room: string): string {
  return keys.roomsRing(slotGroupOf(room))
}

/** Rooms that one script call may touch together share a partition: a slot group in a cluster, else all of them. */
export function partitionOf(cluster: boolean, room: string): number {
  return cluster ? slotGroupOf(room) : 0
}

/** Items by the key `keyOf` gives them, in order. */
export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
