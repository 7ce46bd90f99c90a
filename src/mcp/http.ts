import { createMcpHandler } from '@modelcontextprotocol/server'
import { toNodeHandler } from '@modelcontextprotocol/node'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hive } from '../hive.ts'
import { ScopeForbidden } from '../kernel/errors.ts'
import { createConfirmations } from './confirm.ts'
import { problemText } from './problem.ts'
import { createMcpServer } from './server.ts'

export interface McpHttp {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Ends the streams that are open. */
  close(): Promise<void>
}

/**
 * Serves many clients over HTTP, each request for itself: a client that goes away, or a server that is started anew, leaves
 * nothing to clean up. Who may call at all is decided before. `?project=` binds a client to a project, `?agent=` names it when
 * its protocol does not.
 */
export function createMcpHttp(hive: Hive, { project: bound }: { project?: string | undefined } = {}): McpHttp {
  const onProblem = (error: unknown): void => hive.logger.warn({}, `a request over MCP had a failure: ${problemText(error)}`)
  const confirmations = createConfirmations(hive.clock)
  const handler = createMcpHandler(({ requestInfo }) => {
    const { searchParams } = new URL(requestInfo?.url ?? 'http://localhost')
    const project = searchParams.get('project') || bound
    const agent = searchParams.get('agent')
    return createMcpServer({
      hive: () => Promise.resolve(hive),
      async project() {
        if (bound !== undefined && project !== bound) throw new ScopeForbidden('project', String(project))
        return project
      },
      ...(agent !== null && agent !== '' && { agent }),
      confirmations, onProblem,
    })
  }, { onerror: onProblem })
  const serve = toNodeHandler(handler, { onerror: onProblem })
  return {
    handle: (request, response) => serve(request, response as unknown as Parameters<typeof serve>[1]),
    close: () => handler.close(),
  }
}
