import { Argument, Option } from 'commander'
import type { Command } from 'commander'
import type { CheckResult } from '../../check/index.ts'
import { command } from '../command.ts'
import type { Cli } from '../command.ts'
import type { Checkable } from '../checkable.ts'
import { exitCodes, UsageError } from '../exit.ts'

interface Flags {
  json?: boolean
  trace?: string
  /** `true` where no language is named. */
  diagram?: true | 'mermaid' | 'dot'
}

/** What was found about one machine. Dead is what none of its checks ever takes or enters. */
interface Report {
  machine: string
  ok: boolean
  checks: (CheckResult & { check: string })[]
  neverTaken: string[]
  neverEntered: string[]
}

export function checkCommand(cli: Cli): Command {
  return command('check', 'visit every state of a machine and hold its properties against them', [
    'check', 'check lease', 'check lease --json', 'check supervisor --diagram dot | dot -Tsvg > supervisor.svg', 'check ./my-machine.ts', 'check --trace run.jsonl',
  ])
    .addArgument(new Argument('[machine]', 'a shipped machine, or the path of a module that exports "machine" and "properties"; all that are shipped without'))
    .option('--json', 'print JSON')
    .option('--trace <file>', 'hold a run that was recorded with "hivemind run SCENARIO --trace FILE" against the machines it ran instead')
    .addOption(new Option('--diagram [language]', 'draw the state diagram instead').choices(['mermaid', 'dot']))
    .action(async (name: string | undefined, flags: Flags) => {
      if (flags.trace !== undefined) return checkTrace(cli, name, flags.trace, flags)
      const { findCheckable } = await import('../checkable.ts')
      const found = await findCheckable(name, process.cwd())
      if (flags.diagram !== undefined) await draw(cli, found, flags)
      else await check(cli, found, flags)
    })
}

async function checkTrace(cli: Cli, name: string | undefined, path: string, { json, diagram }: Flags): Promise<void> {
  if (name !== undefined || diagram !== undefined) throw new UsageError('--trace goes alone: a record names its machines itself')
  const { checkRecorded, recordedLines } = await import('../recorded.ts')
  const run = await checkRecorded(path)
  if (json) cli.io.json(run)
  else for (const line of recordedLines(path, run)) cli.io.out(line)
  cli.done(run.ok ? exitCodes.ok : exitCodes.failed)
}

async function draw(cli: Cli, found: readonly Checkable[], { json, diagram }: Flags): Promise<void> {
  if (json) throw new UsageError('--json and --diagram exclude each other: a diagram is text')
  const { toDot, toMermaid } = await import('../../check/index.ts')
  for (const { name, machine } of found) {
    if (machine === undefined) throw new UsageError(`${name} is a model or product: only a machine has a diagram`)
    cli.io.out((diagram === 'dot' ? toDot : toMermaid)(machine).trimEnd())
  }
}

async function check(cli: Cli, found: readonly Checkable[], { json }: Flags): Promise<void> {
  const { formatResult } = await import('../../check/index.ts')
  const reports: Report[] = []
  for (const { name, checks } of found) {
    const report: Report = { machine: name, ok: true, checks: [], neverTaken: [], neverEntered: [] }
    reports.push(report)
    for (const each of checks) {
      const title = each.name === '' ? name : `${name}, ${each.name}`
      const result = each.run()
      report.checks.push({ check: each.name, ...result })
      report.ok &&= result.ok
      // Listed once for all checks of the machine; what was taken for granted is told to whoever asks for one machine.
      if (!json) cli.io.out(formatResult({ ...result, machine: title, neverTaken: [], neverEntered: [], assumptions: found.length === 1 ? result.assumptions : [] }))
    }
    // A system of several machines says nothing about the transitions of one.
    const ofMachine = report.checks.filter((result) => result.machine === report.checks[0]!.machine)
    report.neverTaken = inAll(ofMachine.map((result) => result.neverTaken))
    report.neverEntered = inAll(ofMachine.map((result) => result.neverEntered))
    if (json) continue
    for (const entry of report.neverTaken) cli.io.out(`     never taken: ${entry}`)
    for (const entry of report.neverEntered) cli.io.out(`     never entered: ${entry}`)
  }
  const ok = reports.every((report) => report.ok)
  if (json) cli.io.json(found.length === 1 ? reports[0] : reports)
  else if (found.length > 1) cli.io.out(summary(reports))
  cli.done(ok ? exitCodes.ok : exitCodes.failed)
}

function summary(reports: readonly Report[]): string {
  const checks = reports.flatMap((report) => report.checks)
  const sum = (key: 'states' | 'transitions' | 'ms'): number => checks.reduce((total, result) => total + result[key], 0)
  const failed = reports.filter((report) => !report.ok).map((report) => report.machine)
  const verdict = failed.length === 0 ? 'ok: every property holds in every state' : `FAILED: ${failed.join(', ')}`
  return `\n${verdict}; ${sum('states').toLocaleString('en')} states, ${sum('transitions').toLocaleString('en')} transitions in ${(sum('ms') / 1000).toFixed(1)} s`
}

function inAll(lists: readonly string[][]): string[] {
  return lists.length === 0 ? [] : lists.reduce((common, list) => common.filter((entry) => list.includes(entry)))
}
