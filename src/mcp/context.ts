import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Door } from './caller.ts'
import { asData, timeOf } from './describe.ts'
import { fit, quoted } from './quote.ts'
import { maxTokens } from './recall.ts'
import { addTool } from './tool.ts'

const input = z.strictObject({
  session: z.string().min(1).max(200).describe('Id of the session: the same one each time'),
  set: z.record(z.string().min(1).max(200), z.unknown()).optional().describe('Fields to write, the others stay; null takes a field away. Usual: context, files, currentTask'),
  expect: z.record(z.string(), z.number().int().min(0)).optional().describe('Versions that the fields to be written must still have (0: not there)'),
  max_tokens: maxTokens,
})
const output = z.object({
  session: z.string(),
  fields: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.number().int()),
  updated_at: z.string().optional(),
  left_out: z.array(z.string()).describe('Fields without room in max_tokens'),
})

export function addContext(server: McpServer, door: Door): void {
  addTool(server, door, {
    name: 'memory_context', title: 'State of a session', input, output,
    description: 'Reads the saved state of a session (what the agent was doing, files in work, current task), or with set writes fields of it first. Kept for seven days after the last write, shared between agents and machines. '
      + 'With expect a field that another has changed meanwhile is refused and nothing is overwritten. Use memory_store for what should outlive the session.',
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  }, async ({ hive }, { session: id, set, expect, max_tokens: tokens }) => {
    const session = hive.session(id)
    if (set !== undefined) {
      const expected = Object.entries(set).filter(([field]) => expect?.[field] !== undefined)
      for (const [field, value] of expected) await session.set(field, value ?? undefined, { expect: expect?.[field] as number })
      await session.set(Object.fromEntries(Object.entries(set).flatMap(([field, value]) => (expect?.[field] === undefined ? [[field, value ?? undefined]] : []))))
    }
    const [{ updatedAt, ...state }, versions] = await Promise.all([session.get(), session.versions()])
    const whole = Object.entries(state).map(([field, value]) => ({ field, value, text: JSON.stringify(value) ?? 'null' }))
    const { shown } = fit(whole, tokens)
    const kept = shown.filter(({ cut }) => cut === undefined)
    const leftOut = whole.map(({ field }) => field).filter((field) => !kept.some(({ item }) => item.field === field))
    return {
      text: [
        whole.length === 0 ? 'This session has no saved state.' : `State of the session${updatedAt === undefined ? '' : `, last written ${timeOf(updatedAt)}`}. ${asData}`,
        ...kept.map(({ item: { field, text } }) => `${JSON.stringify(field)} (version ${versions[field] ?? 0}):\n${quoted(text)}`),
        ...(leftOut.length === 0 ? [] : [`Without room in max_tokens: ${leftOut.map((field) => JSON.stringify(field)).join(', ')}.`]),
      ].join('\n\n'),
      structured: {
        session: id, fields: Object.fromEntries(kept.map(({ item: { field, value } }) => [field, value])), versions, left_out: leftOut,
        ...(updatedAt !== undefined && { updated_at: timeOf(updatedAt) }),
      },
    }
  })
}
