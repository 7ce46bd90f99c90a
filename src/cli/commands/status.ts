import type { Command } from 'commander'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { plain, table } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'

export function statusCommand(cli: Cli): Command {
  return withHive(command('status', 'nodes, roles, rooms and conflicts of the hive, in short', ['status', 'status --redis redis://localhost:6379', 'status --json']))
    .option('--json', 'print JSON')
    .action((flags: HiveFlags & { json?: boolean }) => withOpenHive(cli.io, flags, async (hive) => {
      const { readStatus } = await import('../../http/status.ts')
      const status = await readStatus(hive)
      if (flags.json) {
        cli.io.json(status)
        return
      }
      cli.io.out(`store      ${status.store.kind === 'sqlite' ? `embedded, ${status.store.dataDir}` : 'Redis'}`)
      cli.io.out(`rooms      ${status.rooms}`)
      cli.io.out(`conflicts  ${status.conflicts}${status.conflicts > 0 ? ' ("hivemind conflicts" shows them)' : ''}`)
      // The node that this command is does not count.
      const nodes = status.nodes.filter((node) => !node.self)
      cli.io.out(nodes.length === 0 ? 'nodes      none: "hivemind up" starts one' : `\n${table([['node', 'host', 'pid', 'roles', 'health', 'http'], ...nodes.map((node) => [
        plain(node.id), plain(node.host), String(node.pid), plain(node.holds.join(', ')) || '-', node.health, node.http ?? '-',
      ])])}`)
    }))
}
