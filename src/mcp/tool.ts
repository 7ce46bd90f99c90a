import type { CallToolResult, InputRequiredResult, McpServer, ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { HivemindError } from '../kernel/errors.ts'
import { callerOf } from './caller.ts'
import type { Caller, Door } from './caller.ts'

/** Where a memory belongs, as arguments of a tool. */
export const scopeFields = {
  project: z.string().min(1).max(300).optional().describe('Project. Leave it out: this server knows it; needed only where it serves several.'),
  session: z.string().min(1).max(300).optional().describe('Only what belongs to this session'),
  agent: z.string().min(1).max(300).optional().describe('Only what belongs to this agent'),
}
export const kinds = z.array(z.enum(['episodic', 'semantic'])).min(1).max(2)
export const time = z.string().max(40).describe('ISO 8601, as in 2026-11-20T10:00:00Z')
export const memoryIds = z.array(z.string().max(64)).min(1).max(100).describe('Ids as memory_recall and memory_store give them')

export function scopeOf({ project, session, agent }: { project?: string | undefined; session?: string | undefined; agent?: string | undefined }): { project?: string; session?: string; agent?: string } {
  return { ...(project !== undefined && { project }), ...(session !== undefined && { session }), ...(agent !== undefined && { agent }) }
}

interface ToolConfig<Input extends z.ZodType, Output extends z.ZodType> {
  name: string
  title: string
  description: string
  input: Input
  output: Output
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean }
}

export interface Answer<Output> {
  /** For a model to read. */
  text: string
  structured: Output
}

/** Adds a tool. What it throws becomes an answer that says what is wrong; the message of an error nobody foresaw is kept to the log. */
export function addTool<Input extends z.ZodType, Output extends z.ZodType>(
  server: McpServer, door: Door, { name, title, description, input, output, annotations }: ToolConfig<Input, Output>,
  run: (caller: Caller, args: z.output<Input>, ctx: ServerContext) => Promise<Answer<z.output<Output>> | InputRequiredResult>,
): void {
  const handle = async (args: z.output<Input>, ctx: ServerContext): Promise<CallToolResult | InputRequiredResult> => {
    try {
      const result = await run(await callerOf(door, server, ctx), args, ctx)
      return 'structured' in result ? { content: [{ type: 'text', text: (result as Answer<z.output<Output>>).text }], structuredContent: result.structured as Record<string, unknown> } : result
    } catch (error) {
      return { content: [{ type: 'text', text: problemOf(door, error) }], isError: true }
    }
  }
  server.registerTool(name, { title, description, inputSchema: input, outputSchema: output, annotations: { title, ...annotations, openWorldHint: false } }, handle as never)
}

/** What a client is told of an error. */
export function problemOf(door: Door, error: unknown): string {
  if (error instanceof HivemindError) return `${error.message} (${error.code}${error.retryable ? '; may be tried again' : ''})`
  door.onProblem(error)
  return 'this was not expected: the log of the server says more (internal)'
}
