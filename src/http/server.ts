import type { AddressInfo } from 'node:net'
import type { FastifyReply } from 'fastify'
import type { Hive } from '../hive.ts'
import { InvalidConfig } from '../kernel/errors.ts'
import { admit, checkDoor } from './auth.ts'
import type { Door } from './auth.ts'
import { answer, answerError } from './errors.ts'
import { addHooks, hooksPath } from './hooks.ts'
import { createMetrics } from './metrics.ts'
import { addMcp } from './mcp.ts'
import { typeOf } from './openai.ts'
import { addHealth, addRoutes } from './routes.ts'

export interface HttpServer {
  readonly url: string
  /** What the hooks of this machine show instead of the API key. */
  readonly hookToken: string
  /** Lets running requests finish. Twice is harmless. */
  stop(): Promise<void>
}

export interface HttpOptions {
  /** Nothing but the memory over MCP and the health. */
  mcpOnly?: boolean
  /** Project that MCP clients are bound to. */
  project?: string | undefined
}

/** Opens the HTTP door of a node. Throws `InvalidConfig` for an address that may not, or cannot, be listened on. */
export async function createHttpServer(hive: Hive, door: Door, { mcpOnly = false, project }: HttpOptions = {}): Promise<HttpServer> {
  checkDoor(door)
  const { fastify } = await import('fastify')
  const hookToken = hive.randomness.id()
  const onError = (error: unknown, _request: unknown, reply: FastifyReply): FastifyReply => {
    const { status, body } = answerError(error)
    if (status >= 500) hive.logger.error({ error }, 'a request failed')
    return reply.code(status).send(body)
  }
  const server = fastify({
    bodyLimit: hive.config.limits.messageBytes, forceCloseConnections: 'idle', routerOptions: { maxParamLength: 1024 },
    // Errors from before there is a route: a URL that cannot be read.
    frameworkErrors: (error, request, reply) => void onError(error, request, reply as unknown as FastifyReply),
  })
  server.setErrorHandler(onError)
  server.setNotFoundHandler((request, reply) => {
    const { status, body } = answer(404, 'not_found', `there is no ${request.method} ${request.url.split('?')[0]}`)
    return reply.code(status).send(body)
  })
  server.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    const refusal = admit(path === hooksPath ? { ...door, apiKey: hookToken } : door, request.headers, path !== '/health')
    if (refusal === undefined) return
    const { status, code, message } = refusal
    await reply.code(status).send(path.startsWith('/v1/') ? { error: { message, type: typeOf(status), param: null, code } } : answer(status, code, message).body)
  })
  if (mcpOnly) addHealth(server, hive)
  else {
    addRoutes(server, hive, await createMetrics(hive))
    addHooks(server, hive)
  }
  addMcp(server, hive, project)
  try {
    await server.listen({ host: door.host, port: door.port })
  } catch (error) {
    await server.close()
    throw new InvalidConfig('http', `cannot listen on ${door.host}:${door.port} (${(error as NodeJS.ErrnoException).code}): choose another address with --http HOST:PORT`)
  }
  const { address, port, family } = server.server.address() as AddressInfo
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, hookToken, stop: () => server.close() }
}
