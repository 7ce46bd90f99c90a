#!/usr/bin/env node
// First: nothing that is loaded after it may write to a stdout that carries frames.
import '../mcp/stdout-guard.ts'
import { Command, CommanderError } from 'commander'
import type { Cli } from './command.ts'
import { benchCommand } from './commands/bench.ts'
import { checkCommand } from './commands/check.ts'
import { conflictsCommand } from './commands/conflicts.ts'
import { doctorCommand } from './commands/doctor.ts'
import { importCommand } from './commands/import.ts'
import { memoryCommand } from './commands/memory.ts'
import { mcpCommand } from './commands/mcp.ts'
import { redisConfCommand } from './commands/redis-conf.ts'
import { roomsCommand } from './commands/rooms.ts'
import { runCommand } from './commands/run.ts'
import { simCommand } from './commands/sim.ts'
import { statusCommand } from './commands/status.ts'
import { upCommand } from './commands/up.ts'
import { exitCodeOf, exitCodes, tellError } from './exit.ts'
import { createIo, flushed } from './io.ts'
import { packageVersion } from '../version.ts'

let exitCode: number = exitCodes.ok
const cli: Cli = { io: createIo(), done: (code) => { exitCode = code } }

const program = new Command('hivemind')
  .description('An actor-model runtime for AI agents: supervised actors, durable rooms, one process or many.')
  .version(packageVersion(), '--version')
  .showHelpAfterError('(--help shows how it is used)')
  .addHelpText('after', '\nExamples:\n  $ hivemind run codebase --input dir=.\n  $ hivemind rooms tail main_hall\n  $ hivemind run codebase --help\n\nExit codes: 0 ok, 1 failed, 2 used wrongly, 130 interrupted.')
for (const make of [runCommand, upCommand, statusCommand, doctorCommand, roomsCommand, conflictsCommand, memoryCommand, importCommand, mcpCommand, redisConfCommand, checkCommand, simCommand, benchCommand]) program.addCommand(make(cli))
for (const made of all(program)) made.exitOverride().configureOutput({ writeOut: (text) => cli.io.out(text.trimEnd()), writeErr: (text) => cli.io.err(text.trimEnd()) })

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help that was asked for is no error; help shown because something is missing is.
    exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    exitCode = exitCodeOf(error)
    if (exitCode !== exitCodes.interrupted) tellError(cli.io, error)
  }
}
process.exitCode = exitCode
await flushed()

function all(root: Command): Command[] {
  return [root, ...root.commands.flatMap((child) => all(child as Command))]
}
