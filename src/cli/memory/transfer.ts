import type { Command } from 'commander'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { exitCodes, UsageError } from '../exit.ts'
import { plain } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'
import { terminalProgress } from '../progress.ts'
import { memoryOf, scopeOf, withScope } from './scope.ts'
import type { ScopeFlags } from './scope.ts'

interface ExportFlags extends ScopeFlags {
  forgotten?: boolean
}

export function exportCommand(cli: Cli): Command {
  return withScope(command('export', 'write memories as JSON lines, without vectors', ['memory export > memories.jsonl', 'memory export memories.jsonl --all-projects']))
    .argument('[file]', 'where to; standard output without')
    .option('--forgotten', 'also what was forgotten or superseded')
    .action((file: string | undefined, flags: ExportFlags) => withOpenHive(cli.io, flags, async (hive) => {
      const lines = memoryOf(hive).export({ scope: scopeOf(flags), ...(flags.forgotten && { states: ['live', 'superseded', 'forgotten'] }) })
      if (file === undefined) {
        for await (const line of lines) {
          if (cli.io.closed.aborted) return
          cli.io.out(line)
        }
        return
      }
      const count = await writeLines(lines, file)
      if (flags.json) cli.io.json({ file: resolve(file), exported: count })
      else cli.io.out(`${count} memories written to ${file}`)
    }))
}

/** The file is there when all of it is. */
async function writeLines(lines: AsyncIterable<string>, file: string): Promise<number> {
  const unfinished = `${file}.${process.pid}.part`
  let count = 0
  async function* ended(): AsyncIterable<string> {
    for await (const line of lines) {
      count++
      yield `${line}\n`
    }
  }
  try {
    await pipeline(Readable.from(ended()), createWriteStream(unfinished, { mode: 0o600 }))
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw fileProblem(file, error)
  }
  return count
}

export function importCommand(cli: Cli): Command {
  return withHive(command('import', 'take in JSON lines of "export", again and again without harm; each says itself where it belongs', ['memory import memories.jsonl', 'cat memories.jsonl | hivemind memory import -']))
    .argument('<file>', 'what "export" wrote; "-" reads standard input')
    .option('--json', 'print JSON')
    .action((file: string, flags: HiveFlags & { json?: boolean }) => withOpenHive(cli.io, flags, async (hive) => {
      const progress = terminalProgress(cli.io, { quiet: flags.json === true })
      progress.step('taking in')
      const source = file === '-' ? process.stdin : createReadStream(file)
      let read = 0
      const counted = async function* (): AsyncIterable<string> {
        for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
          progress.update({ done: ++read, unit: 'lines' })
          yield line
        }
      }
      // A stream that cannot be opened says so here and not to the reader of lines.
      const failed = new Promise<never>((_, reject) => source.once('error', (error: Error) => reject(fileProblem(file, error))))
      const result = await Promise.race([memoryOf(hive).import(counted()), failed])
      progress.end()
      for (const { line, problem } of result.refused) cli.io.err(`${file}:${line}: ${plain(problem)}`)
      if (result.refusedCount > 0) cli.done(exitCodes.failed)
      if (flags.json) cli.io.json(result)
      else cli.io.out(`${result.stored} stored, ${result.duplicates} known already${result.refusedCount > 0 ? `, ${result.refusedCount} refused` : ''}`)
    }))
}

function fileProblem(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined || !/^E[A-Z]+$/.test(code) ? error : new UsageError(`${file} cannot be used (${code})`)
}
