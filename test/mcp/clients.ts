import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach } from 'vitest'

export type Era = '2025' | '2026'

/** What the two clients have in common, as the tests use it. */
export interface Client {
  call(name: string, args?: object): Promise<{ text: string; structured: any; isError: boolean }>
  tools(): Promise<{ name: string; description?: string; annotations?: any; outputSchema?: any }[]>
  read(uri: string): Promise<string>
  prompt(name: string, args?: Record<string, string>): Promise<string>
  resources(): Promise<string[]>
  /** Holds a stream of changes open (2026). */
  listen(): Promise<unknown>
  close(): Promise<void>
}

export interface ClientOptions {
  name?: string
  /** Asked by an elicitation; absent: the client cannot be asked. */
  answer?: (message: string) => { action: 'accept' | 'decline' | 'cancel'; content?: Record<string, boolean> }
  /** Folders the client names as its roots (2025). */
  roots?: string[]
}

const cleanups: (() => Promise<void> | void)[] = []
/** Run after the test, the latest first. */
export function afterwards(run: () => Promise<void> | void): void {
  cleanups.push(run)
}
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()!()
})

export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'hivemind-mcp-')))
  afterwards(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export const mainFile = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
export const nodeArgs = ['--import', import.meta.resolve('tsx')]

/** A server of its own over stdio, run from the sources. */
export function overStdio(era: Era, dataDir: string, args: string[] = [], cwd: string = dataDir, options: ClientOptions = {}): Promise<Client> {
  const { REDIS_URL: _url, REDIS_HOST: _host, REDIS_PORT: _port, ...env } = process.env as Record<string, string>
  const how = { command: process.execPath, args: [...nodeArgs, mainFile, 'mcp', '--data-dir', dataDir, ...args], cwd, env, stderr: 'ignore' as const }
  return era === '2025' ? legacy(new LegacyStdio(how), options) : modern(new ModernStdio(how), options)
}

export function overHttp(era: Era, url: string, options: ClientOptions = {}): Promise<Client> {
  return era === '2025' ? legacy(new LegacyHttp(new URL(url)), options) : modern(new ModernHttp(new URL(url)), options)
}

async function legacy(transport: LegacyStdio | LegacyHttp, { name = 'tester', answer, roots }: ClientOptions): Promise<Client> {
  const client = new LegacyClient({ name, version: '1' }, { capabilities: { ...(answer && { elicitation: {} }), ...(roots && { roots: {} }) } })
  if (answer) client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message))
  if (roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((path) => ({ uri: `file://${path}` })) }))
  await client.connect(transport as never)
  return shaped(client as never)
}

async function modern(transport: ModernStdio | ModernHttp, { name = 'tester', answer }: ClientOptions): Promise<Client> {
  const client = new ModernClient({ name, version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities: answer ? { elicitation: {} } : {} })
  if (answer) client.setRequestHandler('elicitation/create', ({ params }) => answer(params.message))
  await client.connect(transport)
  if (client.getNegotiatedProtocolVersion() !== '2026-07-28') throw new Error(`spoke ${client.getNegotiatedProtocolVersion()}`)
  return shaped(client)
}

function shaped(client: ModernClient): Client {
  const made: Client = {
    async call(name, args = {}) {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: args as Record<string, unknown> }) as any
      return { text: content?.[0]?.text ?? '', structured: structuredContent, isError: isError === true }
    },
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => ((await client.readResource({ uri })).contents[0] as { text: string }).text,
    prompt: async (name, args = {}) => ((await client.getPrompt({ name, arguments: args })).messages[0]!.content as { text: string }).text,
    resources: async () => [...(await client.listResources()).resources.map(({ uri }) => uri), ...(await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate)],
    listen: () => client.listen({ toolsListChanged: true }),
    close: () => client.close(),
  }
  afterwards(() => made.close())
  return made
}
