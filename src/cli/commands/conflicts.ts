import { Option } from 'commander'
import type { Command } from 'commander'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import type { Conflict } from '../../hive.ts'
import { plain, table } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'

interface Flags extends HiveFlags {
  json?: boolean
}

export function conflictsCommand(cli: Cli): Command {
  const conflicts = command('conflicts', 'records that two sides changed while the shared store was away', [
    'conflicts', 'conflicts list --json', 'conflicts resolve ID --keep ours',
  ])
  conflicts.addCommand(listCommand(cli), { isDefault: true })
  conflicts.addCommand(resolveCommand(cli))
  return conflicts
}

function listCommand(cli: Cli): Command {
  return withHive(command('list', 'list them with both versions', ['conflicts list', 'conflicts list --json']))
    .option('--json', 'print JSON')
    .action((flags: Flags) => withOpenHive(cli.io, flags, async (hive) => {
      const found = await hive.conflicts.list()
      if (flags.json) cli.io.json(found)
      else if (found.length === 0) cli.io.out('none')
      else cli.io.out(table([['id', 'of', 'ours', 'theirs'], ...found.map(({ id, subject, conflict }) => [id, plain(subject), ...sidesOf(conflict)])]))
    }))
}

function sidesOf(conflict: Conflict): [ours: string, theirs: string] {
  return conflict.kind !== 'write' ? [shown(conflict.ours.value), shown(conflict.theirs?.value)] : [shown(conflict.ours), `refused: ${plain(conflict.reason)}`]
}

function shown(value: unknown): string {
  return plain(JSON.stringify(value) ?? '(deleted)').slice(0, 60)
}

const choices = ['ours', 'theirs', 'both'] as const

function resolveCommand(cli: Cli): Command {
  return withHive(command('resolve', 'settle one', ['conflicts resolve ID --keep theirs', 'conflicts resolve ID --keep both']))
    .argument('<id>')
    .addOption(new Option('--keep <side>', 'ours: what was written here during the outage; theirs: what the shared store holds; both: ours becomes a record of its own').choices(choices).makeOptionMandatory())
    .option('--json', 'print JSON')
    .action((id: string, flags: Flags & { keep: typeof choices[number] }) => withOpenHive(cli.io, flags, async (hive) => {
      await hive.conflicts.resolve(id, flags.keep)
      if (flags.json) cli.io.json({ id, resolved: flags.keep })
      else cli.io.out('resolved')
    }))
}
