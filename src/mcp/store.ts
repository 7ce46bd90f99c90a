import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Door } from './caller.ts'
import { memoryIds, addTool, scopeFields, scopeOf, time } from './tool.ts'

const input = z.strictObject({
  text: z.string().min(1).max(1_000_000).describe('What to remember, understandable without this conversation'),
  kind: z.enum(['episodic', 'semantic']).default('episodic').describe('episodic: something that happened; semantic: something that holds (a decision, preference, fact)'),
  source: z.string().max(200).optional().describe('Where it comes from when it is not from you, as in tool:WebFetch or web:example.org. It can lower the trust, never raise it.'),
  at: time.optional().describe('When it happened, ISO 8601; default now'),
  supersedes: memoryIds.optional().describe('Ids of memories that no longer hold because of this one'),
  metadata: z.record(z.string(), z.unknown()).optional().describe('JSON kept with it'),
  project: scopeFields.project,
  session: scopeFields.session.describe('Session it belongs to'),
  agent: scopeFields.agent.describe('Agent it belongs to, when it is for that one alone'),
})
const output = z.object({
  id: z.string(),
  duplicate_of: z.string().optional().describe('A memory that says the same; nothing was added'),
  redactions: z.array(z.object({ kind: z.string(), count: z.number().int() })).describe('Secrets that were taken out before anything was stored'),
})

export function addStore(server: McpServer, door: Door): void {
  addTool(server, door, {
    name: 'memory_store', title: 'Store a memory', input, output,
    description: 'Remembers one thing for later sessions, of this and other agents on this project: a decision with its reason, a preference of the user, an error with its fix, where something is. '
      + 'Durable when it answers. Secrets are taken out first. What is known already is not stored twice. When a fact has changed, name the old memory in supersedes. '
      + 'Do not store whole files, or what the repository says itself.',
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  }, async ({ memory }, { text, kind, source, at, supersedes, metadata, ...scope }) => {
    const { id, duplicateOf, redactions } = await memory.store({
      text, kind, scope: scopeOf(scope), ...(source !== undefined && { source }), ...(at !== undefined && { at }), ...(supersedes !== undefined && { supersedes }), ...(metadata !== undefined && { metadata }),
    })
    const secrets = redactions.length === 0 ? '' : ` Taken out: ${redactions.map(({ kind: of, count }) => `${count} ${of}`).join(', ')}.`
    return {
      text: `${duplicateOf === undefined ? `Stored as ${id}.` : `Known already as ${duplicateOf}: nothing was added.`}${secrets}`,
      structured: { id, redactions, ...(duplicateOf !== undefined && { duplicate_of: duplicateOf }) },
    }
  })
}
