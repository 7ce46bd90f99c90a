import type { Command } from 'commander'
import type { Scenario } from '../../scenario/define.ts'
import type { ScenarioResult } from '../../scenario/run.ts'
import { command, withHive } from '../command.ts'
import type { Cli, HiveFlags } from '../command.ts'
import { exitCodes, UsageError } from '../exit.ts'
import { interruptible, whenAborted } from '../interrupt.ts'
import { hiveOptions } from '../log.ts'

interface Flags extends HiveFlags {
  input: string[]
  watch?: boolean
  json?: boolean
  trace?: string
  help?: boolean
}

export function runCommand(cli: Cli): Command {
  const made = withHive(command('run', 'run a scenario: agents as actors on real input, with a report', [
    'run codebase',
    'run codebase --input dir=../docs --input question="How is it deployed?"',
    'run codebase --watch',
    'run codebase --json > report.json',
    'run codebase --trace run.jsonl && hivemind check --trace run.jsonl',
    'run ./scenarios/mine.ts',
    'run codebase --help',
  ]))
    .argument('[scenario]', 'a name, or the path of a module that exports one by default')
    .option('-i, --input <name=value>', 'what the scenario works on; may be given several times', (pair: string, all: string[]) => [...all, pair], [])
    .option('--watch', 'keep running when the steps are done, and show the actors and rooms live')
    .option('--json', 'print the report as JSON')
    .option('--trace <file>', 'write down what happens, a JSON object a line: messages and transitions of machines, without what they carry')
    .helpOption(false)
    .option('-h, --help', 'how it is used, and what the scenario takes')
  made.action(async (name: string | undefined, flags: Flags) => {
    const { builtInScenarios, findScenario } = await import('../../scenario/find.ts')
    if (flags.help) {
      made.outputHelp()
      cli.io.out(name === undefined ? `\nScenarios: ${builtInScenarios().join(', ')}` : await inputHelp(await findScenario(name, process.cwd())))
      return
    }
    if (name === undefined) throw new UsageError(`which scenario? Shipped are ${builtInScenarios().join(', ')}, or give the path of yours`)
    if (flags.watch && flags.json) throw new UsageError('--watch and --json exclude each other: a report is printed when a run has ended')
    await run(cli, await findScenario(name, process.cwd()), flags)
  })
  return made
}

async function run(cli: Cli, scenario: Scenario, flags: Flags): Promise<void> {
  const { io } = cli
  const { runScenario } = await import('../../scenario/run.ts')
  const { parsePairs } = await import('../../scenario/input.ts')
  const { terminalProgress } = await import('../progress.ts')
  const { liveView } = await import('../live.ts')
  const input = parsePairs(scenario.options.input, flags.input)
  // Failures of actors are told by the progress and the report.
  const hive = await hiveOptions(io, flags, 'notices')
  const result = await interruptible(io, async (signal) => {
    // With --watch, the first Ctrl-C ends the watching and the report follows; before that it ends the run.
    const watching = new AbortController()
    let watched = false
    signal.addEventListener('abort', () => watching.abort(), { once: true })
    const ending = new AbortController()
    signal.addEventListener('abort', () => { if (!watched) ending.abort(signal.reason) }, { once: true })
    return runScenario(scenario, {
      input, hive, signal: ending.signal, progress: terminalProgress(io, { quiet: flags.json === true }),
      ...(flags.trace !== undefined && { trace: flags.trace }),
      ...(flags.watch && {
        linger: async (running) => {
          watched = true
          const view = liveView(io, running)
          await whenAborted(watching.signal, io.closed)
          await view.stop()
        },
      }),
    })
  })
  if (flags.json) io.json(result)
  else for (const line of resultLines(scenario, result)) io.out(line)
  if (result.trace?.problem !== undefined) io.err(`hivemind: the trace is not whole: ${result.trace.problem}`)
  cli.done(result.ok && result.trace?.problem === undefined ? exitCodes.ok : exitCodes.failed)
}

function resultLines(scenario: Scenario, result: ScenarioResult): string[] {
  const report = scenario.options.text?.(result.report) ?? JSON.stringify(result.report, null, 2)
  return [
    report,
    '',
    ...result.expectations.map(({ name, ok, why }) => `${ok ? 'ok  ' : 'FAIL'} ${name}${why === undefined ? '' : `: ${why}`}`),
    `${result.ok ? 'ok' : 'FAILED'} in ${(result.durationMs / 1000).toFixed(1)} s${result.store.temporary ? '' : `; the data is in ${result.store.kind === 'sqlite' ? result.store.dataDir : 'Redis'}`}`,
    ...(result.trace === undefined ? [] : [`trace       ${result.trace.lines} lines in ${result.trace.file}`]),
  ]
}

async function inputHelp(scenario: Scenario): Promise<string> {
  const { inputFields } = await import('../../scenario/input.ts')
  const { table } = await import('../io.ts')
  const { title, name, description, input } = scenario.options
  const fields = inputFields(input).map((field) => [
    `  ${field.name}`, field.type, field.description, field.required ? '(must be given)' : field.default === undefined ? '' : `(default ${JSON.stringify(field.default)})`,
  ])
  return `\n${name}: ${title}\n${description}\n${fields.length === 0 ? '\nIt takes no input.' : `\nInput:\n${table(fields)}`}`
}
