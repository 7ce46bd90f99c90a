import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'

const ids = z.array(z.string()).describe('ids of the memories, the first hundred')
const count = z.number().int().nonnegative()

export const memoryMessages = [
  defineMessage('memory.stored', z.object({ ids, count: count.describe('how many') }), { delivery: 'ephemeral', about: 'Memories were added. Names them without their text: read them by id.' }),
  defineMessage('memory.changed', z.object({
    action: z.enum(['forget', 'restore', 'purge', 'consolidate', 'import']).describe('what was done to them'),
    count: count.describe('how many'),
    ids,
  }), { delivery: 'ephemeral', about: 'Memories were taken out of every answer, brought back, or removed for good (then without their ids).' }),
  defineMessage('memory.consolidated', z.object({
    session: z.string().describe('id of the session'),
    made: count.describe('semantic memories made or extended'),
    episodes: count.describe('episodes they were made from'),
  }), { delivery: 'ephemeral', about: 'The episodes of a session were turned into semantic memories.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof memoryMessages> {}
}
