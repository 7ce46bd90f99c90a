import type { Command } from 'commander'
import { createInterface } from 'node:readline/promises'
import type { Memory, Selected, Selection } from '../../hive.ts'
import { command } from '../command.ts'
import type { Cli } from '../command.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'
import { kindOption, memoryOf, scopeOf, withScope } from './scope.ts'
import type { ScopeFlags } from './scope.ts'

interface Flags extends ScopeFlags {
  before?: string
  all?: boolean
  dryRun?: boolean
  yes?: boolean
}

type Verb = 'forget' | 'restore' | 'purge'

const done: Readonly<Record<Verb, string>> = { forget: 'forgotten', restore: 'restored', purge: 'purged' }

export function forgetCommand(cli: Cli): Command {
  return selecting(cli, 'forget', 'take memories out of every answer; "restore" brings them back', ['memory forget ID ID', 'memory forget --session s-42 --dry-run', 'memory forget --before 2026-01-01 --kind episodic --yes'])
}

export function restoreCommand(cli: Cli): Command {
  return selecting(cli, 'restore', 'bring back what was forgotten, or superseded', ['memory restore ID', 'memory restore --session s-42'])
}

export function purgeCommand(cli: Cli): Command {
  return selecting(cli, 'purge', 'remove memories for good, everywhere, with all that was made from them: for a secret that should not be there', ['memory purge ID --dry-run', 'memory purge ID --yes'])
}

function selecting(cli: Cli, verb: Verb, about: string, examples: readonly string[]): Command {
  return withScope(command(verb, about, examples))
    .argument('[id...]', 'which, as "recall" and "store" give them')
    .addOption(kindOption('those that happened (episodic), or that hold (semantic)'))
    .option('--before <time>', 'those from before this time, as in 2026-11-20')
    .option('--all', 'all of the project; with --all-projects, all there are')
    .option('--dry-run', 'only tell how many it would be')
    .option('--yes', 'do not ask')
    .action((ids: string[], flags: Flags) => withOpenHive(cli.io, flags, async (hive) => {
      const memory = memoryOf(hive)
      const selection = selectionOf(ids, flags)
      const asks = !flags.dryRun && !flags.yes && (verb === 'purge' || (verb === 'forget' && ids.length === 0))
      if (asks && !await confirmed(cli.io, verb, memory, selection)) return cli.io.err('hivemind: nothing was done')
      const selected = await memory[verb](selection, { dryRun: flags.dryRun === true })
      if (flags.json) cli.io.json({ ...selected, dryRun: flags.dryRun === true })
      else cli.io.out(flags.dryRun ? `${selected.count} would be ${done[verb]}${first(selected)}` : `${selected.count} ${done[verb]}`)
    }))
}

function selectionOf(ids: readonly string[], flags: Flags): Selection {
  const { session, agent, kind, before, all } = flags
  const filters = [session, agent, kind, before, all].filter((flag) => flag !== undefined)
  if (ids.length > 0 && filters.length > 0) throw new UsageError('give either ids, or a filter')
  if (ids.length > 0) return { ids }
  if (filters.length === 0) throw new UsageError('which memories? Give ids, or --session, --agent, --kind, --before; --all means all of the project')
  return { scope: scopeOf(flags), ...(kind !== undefined && { kinds: [kind] }), ...(before !== undefined && { before }), ...(all && { all }) }
}

/** Shows how many it would be, and asks. Where nobody can be asked, `--yes` must say it. */
async function confirmed(io: Io, verb: Verb, memory: Memory, selection: Selection): Promise<boolean> {
  const selected = await memory[verb](selection, { dryRun: true })
  if (selected.count === 0) return true
  if (!process.stdin.isTTY || !io.stderrIsTerminal) throw new UsageError(`${selected.count} would be ${done[verb]}: say --yes to do it, or --dry-run to see them`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${selected.count} would be ${done[verb]}${verb === 'purge' ? ' for good' : ''}. Go on? (y/N) `)).trim())
  } finally {
    terminal.close()
  }
}

function first({ ids, count }: Selected): string {
  return ids.length === 0 ? '' : `:\n${ids.map((id) => `  ${id}`).join('\n')}${count > ids.length ? `\n  ... ${count - ids.length} more` : ''}`
}
