import type { Command } from 'commander'
import { systemClock } from '../../kernel/clock.ts'
import { lazyHive } from '../../mcp/lazy-hive.ts'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { exitCodes, UsageError } from '../exit.ts'
import { interruptible, whenAborted } from '../interrupt.ts'
import { plain } from '../io.ts'
import { hiveOptions } from '../log.ts'
import { ended, parseAddress } from './up.ts'

interface Flags extends HiveFlags {
  project?: string
  allProjects?: boolean
  http?: string | true
  json?: boolean
}

const endMs = 300

export function mcpCommand(cli: Cli): Command {
  return withHive(command('mcp', 'the memory as an MCP server: over stdin and stdout for the client that starts it, or over HTTP', [
    'mcp', 'mcp --project github.com/me/app --data-dir ~/.hivemind', 'mcp --http', 'mcp --http 127.0.0.1:7071 --all-projects',
  ]))
    .option('--project <name>', 'the project that clients see (default: the root the client names, else the git repository of the working folder)')
    .option('--all-projects', 'bind clients to no project: they say which with each call')
    .option('--http [host:port]', 'serve at /mcp over HTTP instead (default: 127.0.0.1:7070); any other address than this machine\'s own needs an API key')
    .option('--json', 'with --http: print JSON when it is up')
    .action(async (flags: Flags) => {
      if (flags.project !== undefined && flags.allProjects) throw new UsageError('give either --project or --all-projects')
      if (flags.http !== undefined) return overHttp(cli, flags, flags.http)
      if (flags.json) throw new UsageError('--json goes with --http: stdout carries the protocol')
      const { problemText } = await import('../../mcp/problem.ts')
      const onProblem = (error: unknown): void => cli.io.err(`hivemind: ${plain(problemText(error))}`)
      const hive = lazyHive(async () => (await import('../../hive.ts')).createHive(await hiveOptions(cli.io, flags)))
      // While the protocol is loaded, the threads that embed and search start.
      hive.warm(onProblem)
      const { serveOverStdio } = await import('../../mcp/stdio.ts')
      await interruptible(cli.io, (signal) => serveOverStdio({
        hive, clock: systemClock, signal, onProblem,
        ...(flags.allProjects ? { project: { all: true } } : flags.project !== undefined && { project: flags.project }),
      }), { quiet: true })
      // Whatever still holds the process open must not outlive the client.
      systemClock.timer(endMs, () => process.exit(), { background: true })
    })
}

async function overHttp(cli: Cli, flags: Flags, at: string | true): Promise<void> {
  const { createHive } = await import('../../hive.ts')
  const { createHttpServer } = await import('../../http/server.ts')
  await interruptible(cli.io, async (signal) => {
    const hive = await createHive({ ...await hiveOptions(cli.io, flags), ...(at !== true && { http: parseAddress(at) }) })
    try {
      const server = await createHttpServer(hive, hive.config.http, { mcpOnly: true, project: flags.project })
      hive.announceHttp(server.url)
      const url = `${server.url}/mcp`
      if (flags.json) cli.io.json({ node: hive.node.id, url, dataDir: hive.config.dataDir, pid: process.pid })
      else cli.io.out(`memory for MCP clients at ${url} (${flags.project === undefined ? 'append ?project=NAME to bind a client to a project' : `project ${flags.project}`}); Ctrl-C ends it`)
      await Promise.race([whenAborted(signal), ended(hive)])
      if (!signal.aborted) cli.done(exitCodes.failed)
      await server.stop()
    } finally {
      await hive.stop()
    }
  })
}
