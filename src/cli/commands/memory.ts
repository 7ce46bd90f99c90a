import type { Command } from 'commander'
import { command, wholeNumber } from '../command.ts'
import type { Cli } from '../command.ts'
import { exportCommand, importCommand } from '../memory/transfer.ts'
import { forgetCommand, purgeCommand, restoreCommand } from '../memory/selection.ts'
import { kindOption, memoryOf, scopeOf, withScope } from '../memory/scope.ts'
import type { ScopeFlags } from '../memory/scope.ts'
import { recalledLines } from '../memory/shown.ts'
import { UsageError } from '../exit.ts'
import { plain, standardInput, table } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'

export function memoryCommand(cli: Cli): Command {
  const memory = command('memory', 'what agents and people remember: ask it, add to it, take from it', [
    'memory recall "why do we use SQLite?"', 'memory store "Releases are cut on Tuesdays" --kind semantic', 'memory forget --before 2026-01-01 --dry-run', 'memory export memories.jsonl',
  ])
  for (const make of [recallCommand, storeCommand, forgetCommand, restoreCommand, purgeCommand, exportCommand, importCommand, statsCommand]) memory.addCommand(make(cli))
  return memory
}

interface RecallFlags extends ScopeFlags {
  limit: number
  since?: string
  until?: string
  minTrust?: string
}

function recallCommand(cli: Cli): Command {
  return withScope(command('recall', 'find what is remembered, by meaning and by words', ['memory recall "how is it deployed?"', 'memory recall deploy --all-projects --limit 3 --json', 'memory recall "flaky test" --since 2026-11-01 --min-trust 0.5']))
    .argument('<query...>', 'what you want to know; "-" reads it from standard input')
    .option('-n, --limit <count>', 'memories at most', wholeNumber(1), 10)
    .addOption(kindOption('only what happened (episodic), or what holds (semantic)'))
    .option('--since <time>', 'not older than this, as in 2026-11-20 or 2026-11-20T10:00:00Z')
    .option('--until <time>', 'not younger than this')
    .option('--min-trust <trust>', 'leave out what is trusted less, 0 to 1')
    .action((words: string[], flags: RecallFlags) => withOpenHive(cli.io, flags, async (hive) => {
      const { kind, since, until, minTrust } = flags
      const result = await memoryOf(hive).recall({
        query: await textOf(words), limit: flags.limit, scope: scopeOf(flags),
        ...(kind !== undefined && { kinds: [kind] }), ...(since !== undefined && { since }), ...(until !== undefined && { until }), ...(minTrust !== undefined && { minTrust: Number(minTrust) }),
      })
      if (flags.json) cli.io.json(result)
      else for (const line of recalledLines(result, scopeOf(flags))) cli.io.out(line)
    }))
}

interface StoreFlags extends ScopeFlags {
  at?: string
  source?: string
  supersedes?: string[]
  metadata?: string
}

function storeCommand(cli: Cli): Command {
  return withScope(command('store', 'remember something; secrets are taken out first', ['memory store "The staging database is read-only"', 'git log -1 --format=%B | hivemind memory store - --source git', 'memory store "We moved to pnpm" --kind semantic --supersedes ID']))
    .argument('<text...>', 'what is remembered; "-" reads it from standard input')
    .addOption(kindOption('something that happened (episodic) or that holds (semantic); default: episodic'))
    .option('--at <time>', 'when it happened (default: now)')
    .option('--source <words>', 'who says so; "tool:..." or "web:..." lowers the trust')
    .option('--supersedes <id...>', 'memories that hold no longer because of this one')
    .option('--metadata <json>', 'kept with it')
    .action((words: string[], flags: StoreFlags) => withOpenHive(cli.io, flags, async (hive) => {
      const { kind, at, source, supersedes, metadata } = flags
      const stored = await memoryOf(hive).store({
        text: await textOf(words), scope: scopeOf(flags),
        ...(kind !== undefined && { kind }), ...(at !== undefined && { at }), ...(source !== undefined && { source }), ...(supersedes !== undefined && { supersedes }),
        ...(metadata !== undefined && { metadata: parseMetadata(metadata) }),
      })
      if (flags.json) return cli.io.json(stored)
      cli.io.out(stored.duplicateOf === undefined ? `stored ${stored.id}` : `known already: ${stored.duplicateOf}`)
      for (const { kind: secret, count } of stored.redactions) cli.io.err(`hivemind: taken out: ${count} x ${secret}`)
    }))
}

function statsCommand(cli: Cli): Command {
  return withScope(command('stats', 'how much is remembered', ['memory stats', 'memory stats --all-projects --json']))
    .action((flags: ScopeFlags) => withOpenHive(cli.io, flags, async (hive) => {
      const scope = scopeOf(flags)
      const stats = await memoryOf(hive).as({ scope }).stats()
      if (flags.json) return cli.io.json({ scope, ...stats })
      cli.io.out(table([
        ['project', plain(scope.project ?? '(all)')], ['memories', String(stats.memories)], ['with a vector', `${stats.vectors}${stats.model === undefined ? '' : ` (${stats.model})`}`],
        ...(stats.unembedded > 0 ? [['waiting for one', String(stats.unembedded)]] : []),
        ['read from', `${stats.source === 'embedded' ? 'the data folder' : `the data folder, ${stats.source === 'outage' ? 'the shared store is away' : 'fed from the shared store'}`}`],
      ]))
    }))
}

async function textOf(words: readonly string[]): Promise<string> {
  return words.length === 1 && words[0] === '-' ? standardInput() : words.join(' ')
}

function parseMetadata(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new UsageError(`--metadata is no JSON: ${(error as Error).message}`)
  }
}
