import { CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { ClientCapabilities, Implementation, McpServer, ServerContext } from '@modelcontextprotocol/server'
import type { Hive, Memory } from '../hive.ts'
import type { Confirmations } from './confirm.ts'

/** What the tools of one client stand on. */
export interface Door {
  /** Opened when it is first needed. */
  hive(): Promise<Hive>
  /** The project that the client is bound to; absent: the client says so with each call. */
  project(): Promise<string | undefined>
  /** Of clients that do not say who they are. */
  agent?: string
  confirmations: Confirmations
  onProblem(error: unknown): void
}

interface Envelope {
  [CLIENT_INFO_META_KEY]?: Implementation
  [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities
}

export interface Caller {
  hive: Hive
  memory: Memory
  project?: string
  /** Whether its user can be asked. */
  canBeAsked: boolean
}

/** Who calls: everything it stores is stamped as an agent's, and it cannot leave its project. */
export async function callerOf(door: Door, server: McpServer, { mcpReq }: ServerContext): Promise<Caller> {
  // Clients of 2026 say with each request who they are, those of 2025 once.
  const envelope = mcpReq.envelope as Envelope | undefined
  const name = (envelope?.[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion())?.name
  const { elicitation } = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities() ?? {}
  const [hive, project] = await Promise.all([door.hive(), door.project()])
  return {
    hive,
    memory: hive.memory.as({ channel: 'agent', name: (name ?? door.agent ?? 'mcp').slice(0, 100) || 'mcp', ...(project !== undefined && { scope: { project } }) }),
    ...(project !== undefined && { project }),
    // A client that names no form of asking means the plain one.
    canBeAsked: elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined),
  }
}
