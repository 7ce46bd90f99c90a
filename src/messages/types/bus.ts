import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'
import { code, node, problem } from './fields.ts'

const sequence = z.number().int().positive()

export const busMessages = [
  defineMessage('bus.resync', z.object({
    reason: z.enum(['truncated', 'missing', 'overflowed', 'restarted'])
      .describe('the ring moved on without us; the ring lacks messages; the sender dropped them while its link was down; the sender restarted and may have lost unsent ones'),
    origin: node.optional().describe('node whose messages were lost; absent: any node'),
    epoch: z.number().int().nonnegative().optional().describe('which life of that node'),
    from: sequence.optional().describe('sequence number of the first message lost'),
    to: sequence.optional().describe('of the last one; absent: unknown'),
    count: z.number().int().positive().optional().describe('messages lost; absent: unknown'),
  }), { delivery: 'local', kind: 'command', about: 'Must-arrive messages of another node were lost to this one: read again whatever you derive from them.' }),
  defineMessage('bus.observer-failed', z.object({
    type: z.string().describe('type it observes, "*" for all'),
    message: problem,
    count: z.number().int().positive().describe('failures of observers of this type since the last notice'),
  }), { delivery: 'local', about: 'An observer of the bus threw or rejected; the other observers got the message. Told at most once a second for each type.' }),
  defineMessage('bus.message-refused', z.object({
    direction: z.enum(['in', 'out']).describe('from another node, or to the others'),
    code,
    message: problem,
    count: z.number().int().positive().describe('refusals of this kind since the last notice'),
  }), { delivery: 'local', about: 'A message could not cross between the nodes. Told at most once in 10 s for each direction and code.' }),
  defineMessage('bus.superseded', z.object({
    node,
    epoch: z.number().int().nonnegative().describe('the newer epoch that was seen'),
  }), { delivery: 'local', about: 'Another process runs under the id of this node and started later.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof busMessages> {}
}
