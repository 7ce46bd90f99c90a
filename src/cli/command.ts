import { Command, InvalidArgumentError } from 'commander'
import type { ConfigInput } from '../config.ts'
import type { Io } from './io.ts'

/** What every command is given. `done` sets the exit code of a command that ended without an error. */
export interface Cli {
  io: Io
  done(exitCode: number): void
}

/** A command with examples in its help. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name).description(summary).showHelpAfterError('(--help shows how it is used)')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ hivemind ${example}`).join('\n')}`)
}

/** The options by which a command finds its hive. */
export function withHive(made: Command): Command {
  return made
    .option('--data-dir <dir>', 'folder of the embedded store (default: .hivemind)')
    .option('--redis <url>', 'the shared store, as redis://host:port')
}

export interface HiveFlags {
  dataDir?: string
  redis?: string
}

export function hiveConfig(flags: HiveFlags): ConfigInput {
  return { ...(flags.dataDir !== undefined && { dataDir: flags.dataDir }), ...(flags.redis !== undefined && { redis: flags.redis }) }
}

/** Parses a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < least) throw new InvalidArgumentError(`give a whole number of at least ${least}`)
    return number
  }
}
