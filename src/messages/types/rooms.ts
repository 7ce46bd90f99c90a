import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'
import { entry, room } from './fields.ts'

export const roomMessages = [
  defineMessage('room.opened', z.object({
    room,
    visibility: z.enum(['public', 'members']).describe('who may use it; private rooms are not told'),
  }), { delivery: 'must-arrive', about: 'A room was made.' }),
  defineMessage('room.posted', z.object({
    room,
    entry,
    id: z.string().describe('id of the message'),
    type: z.string().describe('type of the message'),
    source: z.string().describe('who posted it'),
  }), { delivery: 'local', about: 'A message is durable in a room that is not private, posted by any node. Names it without carrying it: read the room for the data. Each node finds out for itself, from the rings of the log, while somebody observes it.' }),
  defineMessage('room.truncated', z.object({
    room,
    member: z.string().describe('who was overtaken'),
    from: entry.describe('everything up to here was seen'),
    to: entry.describe('the first message still there'),
    count: z.number().int().nonnegative().describe('messages lost in between'),
  }), { delivery: 'local', about: 'A stalled member was overtaken by the cap of the room and moved on.' }),
  defineMessage('room.dead-lettered', z.object({
    room,
    entry,
    group: z.string().describe('work group or member that gave up'),
    attempts: z.number().int().positive().describe('how often it was tried'),
    reason: z.string().describe('the last failure'),
  }), { delivery: 'local', about: 'A message failed too often and was set aside; it no longer blocks the room.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof roomMessages> {}
}
