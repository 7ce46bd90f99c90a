import type { Command } from 'commander'
import { command, hiveConfig, withHive } from '../command.ts'
import type { Hive } from '../../hive.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { exitCodes, UsageError } from '../exit.ts'
import { interruptible, whenAborted } from '../interrupt.ts'

interface Flags extends HiveFlags {
  roles?: string
  http?: string
  json?: boolean
}

const drainMs = 10_000

export function upCommand(cli: Cli): Command {
  return withHive(command('up', 'a node in the foreground, with an HTTP door; ends on Ctrl-C or SIGTERM', [
    'up', 'up --roles memory,training --redis redis://10.0.0.5:6379', 'HIVEMIND_HTTP_API_KEY=... hivemind up --http 0.0.0.0:7070',
  ]))
    .option('--roles <list>', 'what this node offers to the others, separated by commas')
    .option('--http <host:port>', 'where to listen (default: 127.0.0.1:7070); any other address than this machine\'s own needs an API key')
    .option('--json', 'print JSON when it is up')
    .addHelpText('after', '\nGET  /health /metrics /status /rooms /rooms/NAME/messages /conflicts /memory/recent\nPOST /rooms/NAME/messages /conflicts/ID /memory/recall /memory/store /memory/forget /memory/restore /embed /v1/embeddings\nMCP  /mcp')
    .action(async (flags: Flags) => {
      const { createHive } = await import('../../hive.ts')
      const { createHttpServer } = await import('../../http/server.ts')
      const { writeDaemonFile } = await import('../../http/daemon-file.ts')
      const http = flags.http === undefined ? {} : { http: parseAddress(flags.http) }
      const roles = flags.roles === undefined ? {} : { node: { roles: flags.roles.split(',').map((role) => role.trim()).filter((role) => role !== '') } }
      await interruptible(cli.io, async (signal) => {
        const hive = await createHive({ ...hiveConfig(flags), ...http, ...roles })
        try {
          const server = await createHttpServer(hive, hive.config.http)
          hive.announceHttp(server.url)
          const forget = await writeDaemonFile(hive.config.dataDir, { url: ownUrl(server.url), token: server.hookToken, pid: process.pid })
          if (flags.json) cli.io.json({ node: hive.node.id, url: server.url, store: hive.store.kind, dataDir: hive.config.dataDir, pid: process.pid })
          else cli.io.out(`node ${hive.node.id} is up at ${server.url} (${hive.store.kind === 'sqlite' ? hive.config.dataDir : 'Redis'}); Ctrl-C ends it`)
          await Promise.race([whenAborted(signal), ended(hive)])
          // A node that another process has replaced has stopped by itself, and has said so.
          if (!signal.aborted) cli.done(exitCodes.failed)
          await forget()
          await server.stop()
        } finally {
          await hive.stop({ drainMs })
        }
      })
    })
}

/** The address as this machine reaches it. */
function ownUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

/** Settles when the hive has stopped by itself. */
export function ended(hive: Hive): Promise<void> {
  return new Promise((resolve) => void hive.bus.all().subscribe({ complete: resolve }))
}

/** `HOST:PORT`, `[::1]:7070`, or a port alone. */
export function parseAddress(text: string): { host?: string; port: number } {
  const match = /^(?:(\[[0-9a-f:.]+\]|[^:[\]]+):)?(\d{1,5})$/i.exec(text)
  const port = Number(match?.[2])
  if (match === null || port > 65535) throw new UsageError(`--http ${JSON.stringify(text)} is no address: write HOST:PORT, as in 127.0.0.1:7070`)
  const host = match[1]?.replace(/^\[|\]$/g, '')
  return { ...(host !== undefined && { host }), port }
}
