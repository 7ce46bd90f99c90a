import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Door } from './caller.ts'
import { addTool, memoryIds } from './tool.ts'

const input = z.strictObject({
  ids: memoryIds,
  undo: z.boolean().default(false).describe('Bring them back instead'),
})
const output = z.object({ count: z.number().int(), ids: z.array(z.string()).describe('Those that were forgotten, or brought back'), not_found: z.array(z.string()) })

export function addForget(server: McpServer, door: Door): void {
  addTool(server, door, {
    name: 'memory_forget', title: 'Forget memories', input, output,
    description: 'Takes the memories with these ids out of every answer: what is wrong, outdated or unwanted. undo brings them back; every step is in the audit. '
      + 'To replace a fact, store the new one with supersedes instead. For many at once there is memory_clear.',
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  }, async ({ memory }, { ids, undo }) => {
    const { count, ids: changed } = await (undo ? memory.restore({ ids }) : memory.forget({ ids }))
    const missing = ids.filter((id) => !changed.includes(id))
    return {
      text: `${undo ? 'Brought back' : 'Forgotten'}: ${count}.${missing.length === 0 ? '' : ` Not there, or so already: ${missing.join(', ')}.`}${undo || count === 0 ? '' : ' memory_forget with undo brings them back.'}`,
      structured: { count, ids: changed, not_found: missing },
    }
  })
}
