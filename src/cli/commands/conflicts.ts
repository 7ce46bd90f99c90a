import type { Command } from 'commander'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { UsageError } from '../exit.ts'
import { plain, table } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'

interface Flags extends HiveFlags {
  json?: boolean
}

export function conflictsCommand(cli: Cli): Command {
  const conflicts = command('conflicts', 'records that two sides changed while the shared store was away', [
    'conflicts', 'conflicts list --json', 'conflicts resolve ID --keep ours', 'conflicts resolve ID --value \'{"title":"both"}\'',
  ])
  conflicts.addCommand(listCommand(cli), { isDefault: true })
  conflicts.addCommand(resolveCommand(cli))
  return conflicts
}

function listCommand(cli: Cli): Command {
  return withHive(command('list', 'list them with both versions', ['conflicts list', 'conflicts list --json']))
    .option('--json', 'print JSON')
    .action((flags: Flags) => withOpenHive(flags, async (hive) => {
      const found = await hive.conflicts.list()
      if (flags.json) cli.io.json(found)
      else if (found.length === 0) cli.io.out('none')
      else cli.io.out(table([['id', 'key', 'ours', 'theirs'], ...found.map((conflict) => [conflict.id, plain(conflict.key), shown(conflict.ours), shown(conflict.theirs)])]))
    }))
}

function shown(value: unknown): string {
  return plain(JSON.stringify(value) ?? '(deleted)').slice(0, 60)
}

function resolveCommand(cli: Cli): Command {
  return withHive(command('resolve', 'settle one: keep ours (this side\'s), theirs (the shared store\'s), or give a value', ['conflicts resolve ID --keep theirs']))
    .argument('<id>')
    .option('--keep <side>', 'ours or theirs')
    .option('--value <json>', 'what shall stand instead')
    .option('--json', 'print JSON')
    .action((id: string, flags: Flags & { keep?: string; value?: string }) => {
      const choice = choiceOf(flags)
      return withOpenHive(flags, async (hive) => {
        await hive.conflicts.resolve(id, choice)
        if (flags.json) cli.io.json({ id, resolved: true })
        else cli.io.out('resolved')
      })
    })
}

export type Choice = { keep: 'ours' } | { keep: 'theirs' } | { value: unknown }

function choiceOf(flags: { keep?: string; value?: string }): Choice {
  if ((flags.keep === undefined) === (flags.value === undefined)) throw new UsageError('give either --keep ours, --keep theirs or --value JSON')
  if (flags.keep === 'ours' || flags.keep === 'theirs') return { keep: flags.keep }
  if (flags.value === undefined) throw new UsageError(`--keep is "ours" or "theirs", not ${JSON.stringify(flags.keep)}`)
  try {
    return { value: JSON.parse(flags.value) }
  } catch (error) {
    throw new UsageError(`--value is no JSON: ${(error as Error).message}`)
  }
}
