import { ResourceTemplate } from '@modelcontextprotocol/server'
import type { McpServer, ReadResourceResult, ServerContext } from '@modelcontextprotocol/server'
import { HivemindError } from '../kernel/errors.ts'
import type { MemoryRecord } from '../hive.ts'
import { callerOf } from './caller.ts'
import type { Caller, Door } from './caller.ts'
import { asData, told } from './describe.ts'
import { defaultTokens, fit, quoted } from './quote.ts'
import { problemOf } from './tool.ts'

const recentCount = 30

export function addResources(server: McpServer, door: Door): void {
  const read = async (uri: URL, ctx: ServerContext, text: (caller: Caller) => Promise<string>): Promise<ReadResourceResult> => {
    try {
      return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: await text(await callerOf(door, server, ctx)) }] }
    } catch (error) {
      throw error instanceof HivemindError ? error : new Error(problemOf(door, error), { cause: error })
    }
  }
  server.registerResource('recent', 'memory://recent', {
    title: 'Recent memories', description: 'The latest memories of the project, newest first', mimeType: 'text/plain',
  }, (uri, ctx) => read(uri, ctx, async ({ memory }) => recordsText(await memory.recent({ limit: recentCount }))))

  server.registerResource('session', new ResourceTemplate('memory://session/{id}', { list: undefined }), {
    title: 'One session', description: 'Saved state and latest memories of a session', mimeType: 'text/plain',
  }, (uri, { id }, ctx) => read(uri, ctx, async ({ hive, memory }) => {
    const session = decodeURIComponent(String(id))
    const { updatedAt: _, ...state } = await hive.session(session).get()
    const [saved] = fit([{ text: JSON.stringify(state, null, 1) }], defaultTokens / 2).shown
    return `State of the session:\n${quoted(saved?.text ?? '{}')}\n\n${recordsText(await memory.recent({ scope: { session }, limit: recentCount }))}`
  }))
}

/** Memories as a list, each quoted with its source. */
export function recordsText(records: readonly MemoryRecord[], tokens: number = defaultTokens): string {
  const { shown, leftOut } = fit(records, tokens)
  if (shown.length === 0) return 'Nothing is remembered here.'
  return [asData, ...shown.map((record, index) => told(record, index + 1)), ...(leftOut > 0 ? [`(${leftOut} more had no room)`] : [])].join('\n\n')
}
