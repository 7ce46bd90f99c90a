import type { Command } from 'commander'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TranscriptImport } from '../../transcripts/import.ts'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { UsageError } from '../exit.ts'
import { interruptible } from '../interrupt.ts'
import { plain } from '../io.ts'
import { withOpenHive } from '../open-hive.ts'
import { terminalProgress } from '../progress.ts'

interface Flags extends HiveFlags {
  project?: string
  consolidate?: boolean
  dryRun?: boolean
  json?: boolean
}

export function importCommand(cli: Cli): Command {
  const made = command('import', 'take in what other tools have recorded', ['import claude-code', 'import claude-code ~/.claude/projects/-home-me-app --consolidate'])
  made.addCommand(claudeCodeCommand(cli))
  return made
}

function claudeCodeCommand(cli: Cli): Command {
  return withHive(command('claude-code', 'transcripts of Claude Code (JSON lines), again and again without harm; secrets are taken out', [
    'import claude-code', 'import claude-code ~/.claude/projects/-home-me-app --consolidate', 'import claude-code old-session.jsonl --project github.com/me/app --dry-run',
  ]))
    .argument('[dir]', 'folder with transcripts, at any depth, or one of them (default: ~/.claude/projects)')
    .option('--project <name>', 'put all into this project (default: that of the folder each session worked in)')
    .option('--consolidate', 'then make lasting memories of each session')
    .option('--dry-run', 'read and count, and store nothing')
    .option('--json', 'print JSON')
    .action((dir: string | undefined, flags: Flags) => interruptible(cli.io, (signal) => withOpenHive(cli.io, flags, async (hive) => {
      const { findTranscripts } = await import('../../transcripts/find.ts')
      const { importTranscripts } = await import('../../transcripts/import.ts')
      const from = dir ?? join(homedir(), '.claude', 'projects')
      const files = await findTranscripts(from)
      if (files.length === 0) throw new UsageError(`there is no transcript (*.jsonl) in ${from}`)
      const total = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)
      const progress = terminalProgress(cli.io, { quiet: flags.json === true })
      let read = 0
      progress.step('reading transcripts')
      const result = await importTranscripts(hive.memory, files, {
        ...flags, signal,
        onBytes: (bytes) => progress.update({ done: Math.ceil((read += bytes) / 1024), total, unit: 'KB' }),
        onConsolidate: (done, of) => {
          if (done === 1) progress.step('making lasting memories')
          progress.update({ done, total: of, unit: 'sessions' })
        },
      })
      progress.end()
      for (const { file, line, problem, unfinished } of result.bad) cli.io.err(`${file}:${line}: ${unfinished ? 'unfinished, left out' : plain(problem)}`)
      if (flags.json) cli.io.json(result)
      else for (const line of summary(result, flags.dryRun === true)) cli.io.out(line)
    })))
}

function summary({ files, sessions, turns, stored, duplicates, skipped, redactions, consolidated, badCount }: TranscriptImport, dryRun: boolean): string[] {
  const { user, assistant, tool } = turns
  const read = `${sessions} sessions in ${files} files: ${user} prompts, ${assistant} answers, ${tool} results of tools${badCount > 0 ? `; ${badCount} lines could not be read` : ''}`
  if (dryRun) return [read, 'nothing was stored (--dry-run)']
  const kept = [`${stored} stored`, `${duplicates} known already`, ...(skipped > 0 ? [`${skipped} left out`] : []), ...(redactions > 0 ? [`${redactions} secrets taken out`] : []), ...(consolidated > 0 ? [`${consolidated} lasting memories`] : [])]
  return [read, kept.join(', ')]
}
