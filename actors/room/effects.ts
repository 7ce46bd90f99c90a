import { addOptions } from '../../src/messages/create.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import type { Effects, EntryId } from '../../src/store/ports.ts'
import { checkAccess } from './access.ts'
import { checkName } from './limits.ts'
import { encodeMessage } from './message.ts'
import type { KnownRoom, RoomNode } from './node.ts'
import type { CommitRequest, RoomMessage } from './types.ts'

export interface PreparedEffects extends Effects {
  /** What is to happen once they were. */
  applied(entries: readonly EntryId[]): void
}

/**
 * Checks what a handler wants applied and gives each post an id that is the same on every delivery.
 * @throws what `Room.post` throws for data, rights and size
 */
export async function prepareEffects(node: RoomNode, request: CommitRequest, from: { room: string; as: string; effectKey: string; message: RoomMessage }): Promise<PreparedEffects> {
  const posted: { room: KnownRoom; envelope: Envelope }[] = []
  const posts: Effects['posts'][number][] = []
  for (const [index, post] of (request.posts ?? []).entries()) {
    const name = post.room ?? from.room
    const room = await node.known(name)
    checkAccess(name, room.meta, from.as, 'post to')
    const envelope: Envelope = {
      id: `${from.effectKey}:${index}`, type: post.type, source: from.as, time: node.clock.now(), data: node.catalogue.check(post.type, post.data),
    }
    addOptions(envelope, { causationid: from.message.id, correlationid: from.message.correlationid })
    posts.push({ room: name, messageId: envelope.id, body: encodeMessage(envelope, node.limits.messageBytes) })
    posted.push({ room, envelope })
  }
  for (const record of request.records ?? []) checkName('records.key', record.key)
  return {
    posts,
    records: request.records ?? [],
    applied: (entries) => {
      for (const [index, { room, envelope }] of posted.entries()) {
        const entry = entries[index]
        if (entry !== undefined) node.posted(room, entry, envelope, posts[index]!.body)
      }
    },
  }
}
