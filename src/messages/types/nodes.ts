import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'
import { node } from './fields.ts'

const role = z.string().describe('name of the role')
const fence = z.number().describe('fence of the lease, greater than that of any holder before')

export const nodeMessages = [
  defineMessage('node.joined', z.object({ node, roles: z.array(z.string()).describe('roles it may take') }), { delivery: 'must-arrive', about: 'A node became part of the hive.' }),
  defineMessage('node.left', z.object({
    node,
    reason: z.enum(['stopped', 'expired']).describe('said goodbye, or its heartbeat ran out'),
  }), { delivery: 'must-arrive', about: 'A node is part of the hive no more.' }),
  defineMessage('node.role-acquired', z.object({ node, role, fence }), { delivery: 'must-arrive', about: 'A node took over a role.' }),
  defineMessage('node.role-lost', z.object({ node, role, fence }), { delivery: 'must-arrive', about: 'A node gave a role back, or could not renew it in time.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof nodeMessages> {}
}
