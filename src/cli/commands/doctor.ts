import type { Command } from 'commander'
import { command, hiveConfig, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { exitCodes } from '../exit.ts'
import { table } from '../io.ts'
import { hiveOptions } from '../log.ts'

export function doctorCommand(cli: Cli): Command {
  return withHive(command('doctor', 'what is configured, where from, and whether it works', ['doctor', 'doctor --json', 'REDIS_URL=redis://localhost hivemind doctor']))
    .option('--json', 'print JSON')
    .action(async (flags: HiveFlags & { json?: boolean }) => {
      const { describeConfig, resolveConfig } = await import('../../config.ts')
      const { examine } = await import('../examine.ts')
      const resolved = await resolveConfig(hiveConfig(flags))
      const settings = describeConfig(resolved)
      const checks = await examine(resolved.config, await hiveOptions(cli.io, flags))
      const ok = checks.every((check) => check.state !== 'fail')
      if (flags.json) cli.io.json({ ok, settings, notices: resolved.notices, checks })
      else {
        cli.io.out(table([['setting', 'value', 'from', 'variable'], ...settings.map((line) => [line.path, JSON.stringify(line.value) ?? '-', line.origin, line.variable])]))
        cli.io.out()
        for (const notice of resolved.notices) cli.io.out(`note  ${notice}`)
        for (const { state, name, detail } of checks) cli.io.out(`${state.padEnd(5)} ${name}: ${detail}`)
      }
      cli.done(ok ? exitCodes.ok : exitCodes.failed)
    })
}
