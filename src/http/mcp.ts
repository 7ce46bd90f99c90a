import type { FastifyInstance } from 'fastify'
import type { Hive } from '../hive.ts'
import type { McpHttp } from '../mcp/http.ts'

/** The memory over MCP at /mcp; loaded when somebody asks for it. */
export function addMcp(server: FastifyInstance, hive: Hive, project: string | undefined): void {
  let loaded: Promise<McpHttp> | undefined
  const load = (): Promise<McpHttp> => (loaded ??= import('../mcp/http.ts').then(({ createMcpHttp }) => createMcpHttp(hive, { project })))
  // Before the server waits for its connections: a stream of events would keep it waiting.
  server.addHook('preClose', async () => (await loaded)?.close())
  void server.register(async (scope) => {
    // The protocol reads the body itself, and answers in its own words when it is none.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/mcp', async (request, reply) => {
      const { handle } = await load()
      reply.hijack()
      await handle(request.raw, reply.raw)
    })
  })
}
