import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'
import { code, problem } from './fields.ts'

const conflict = z.string().describe('id of the conflict')
const key = z.string().describe('key of the record, or name of the room')

export const storeMessages = [
  defineMessage('link.degraded', z.object({ reason: z.string().describe('what was seen: closed, frozen, refused') }), { delivery: 'local', about: 'The shared store cannot be reached; writes go to the outage journal.' }),
  defineMessage('link.restored', z.object({
    downMs: z.number().nonnegative().describe('how long it was away, ms'),
    items: z.number().int().nonnegative().describe('writes in the journal'),
  }), { delivery: 'local', about: 'The shared store can be reached again; the journal is being replayed.' }),
  defineMessage('link.connected', z.object({
    replayed: z.number().int().nonnegative().describe('writes that took effect'),
    duplicates: z.number().int().nonnegative().describe('writes that had taken effect before'),
    conflicts: z.number().int().nonnegative().describe('writes whose base had moved, or that were refused'),
  }), { delivery: 'local', about: 'All that was written during an outage is in the shared store or kept as a conflict.' }),
  defineMessage('store.warned', z.object({ code, message: problem }), { delivery: 'local', about: 'A store goes on, but somebody should look at it.' }),
  defineMessage('store.quarantined', z.object({
    file: z.string().describe('where the corrupt file was moved to'),
    message: problem,
  }), { delivery: 'local', about: 'A corrupt file was set aside and a fresh one begun; nothing was deleted.' }),
  defineMessage('conflict.recorded', z.object({ conflict, key }), { delivery: 'must-arrive', about: 'Two sides changed one record during an outage; both versions are kept.' }),
  defineMessage('conflict.resolved', z.object({ conflict, key, choice: z.enum(['ours', 'theirs', 'both']).describe('which version stands now') }), { delivery: 'must-arrive', about: 'A conflict was settled.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof storeMessages> {}
}
