import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { Cancelled, InvalidArgument } from '../../kernel/errors.ts'
import { nearNames } from '../../messages/near.ts'
import type { Defects } from '../../sim/defects.ts'
import type { Fault, FaultKind } from '../../sim/faults.ts'
import type { SimResult, SimulateOptions } from '../../sim/simulate.ts'
import { command, wholeNumber } from '../command.ts'
import type { Cli } from '../command.ts'
import { exitCodes } from '../exit.ts'
import { interruptible } from '../interrupt.ts'

interface Flags {
  seed: number
  seeds: number
  nodes: number
  ms: number
  mode: 'safety' | 'liveness'
  load: { burst: number; everyMs: number }
  faults?: string
  defects?: string
  only?: number[]
  shrink?: boolean
  trace?: number
  json?: boolean
}

type Shown = SimResult & { command: string }

/** Seeds that fail are told one by one; with more of them something is wrong with all. */
const mostFailures = 5

export function simCommand(cli: Cli): Command {
  return command('sim', 'run whole nodes on a simulated network, server and clock, with faults; the same seed runs the same again', [
    'sim --seed 7 --nodes 3', 'sim --seed 1 --seeds 300', 'sim --seed 7 --faults crash,server --shrink', 'sim --seed 7 --trace 200',
  ])
    .option('--seed <n>', 'the first seed', wholeNumber(0), 1)
    .option('--seeds <n>', 'how many seeds, one after the other', wholeNumber(1), 1)
    .option('--nodes <n>', 'nodes of the hive', wholeNumber(1), 3)
    .option('--ms <ms>', 'virtual time with faults', wholeNumber(100), 20_000)
    .option('--mode <mode>', 'safety: nothing bad happens; liveness: then the faults stop, and all comes to its end', parseMode, 'liveness')
    .option('--load <burst/ms>', 'posts of each node in one go, and the time between two', parseLoad, { burst: 4, everyMs: 200 })
    .option('--faults <kinds>', 'only these kinds, or "none" (default: all)')
    .option('--defects <names>', 'make these mistakes on purpose, to see that they are found')
    .option('--only <numbers>', 'only these faults of the seed, or "none"', parseOnly)
    .option('--shrink', 'look for a shorter run with fewer faults that fails the same way')
    .option('--trace <lines>', 'show the last lines of what happened', wholeNumber(1))
    .option('--json', 'print JSON')
    .action(async (flags: Flags) => {
      const { describeFault } = await import('../../sim/faults.ts')
      const faults = flags.faults === undefined ? undefined : await parseFaults(flags.faults)
      const defects = flags.defects === undefined ? undefined : await parseDefects(flags.defects)
      const results: Shown[] = []
      const stopped = await interruptible(cli.io, (signal) => runSeeds(cli, flags, { faults, defects }, signal, (result) => {
        results.push(result)
        if (!flags.json && (flags.seeds === 1 || !result.ok)) for (const line of lines(result, describeFault)) cli.io.out(line)
      }))
      const ok = results.every((result) => result.ok)
      if (flags.json) cli.io.json(flags.seeds === 1 && results.length === 1 ? results[0] : { ok: ok && !stopped, stopped, seeds: results.length, failed: results.filter((result) => !result.ok) })
      else if (flags.seeds > 1) cli.io.out(total(results))
      cli.done(!ok ? exitCodes.failed : stopped ? exitCodes.interrupted : exitCodes.ok)
    })
}

/** One seed after the other; true when it was stopped before the last one. */
async function runSeeds(cli: Cli, flags: Flags, wrong: { faults: FaultKind[] | undefined; defects: Defects | undefined }, signal: AbortSignal, onResult: (result: Shown) => void): Promise<boolean> {
  const { simulate } = await import('../../sim/simulate.ts')
  const { commandOf, shrink } = await import('../../sim/shrink.ts')
  const { terminalProgress } = await import('../progress.ts')
  const progress = terminalProgress(cli.io, { quiet: flags.json === true || flags.seeds === 1 })
  if (flags.seeds > 1) progress.step('sim')
  let failures = 0
  try {
    for (let done = 0; done < flags.seeds && failures < mostFailures; done++) {
      progress.update({ done, total: flags.seeds, unit: 'seeds' })
      const asked: SimulateOptions = {
        seed: flags.seed + done, nodes: flags.nodes, virtualMs: flags.ms, mode: flags.mode, load: flags.load, traceLines: flags.trace, only: flags.only, signal, ...wrong,
      }
      const result = await simulate(asked)
      const shrunk = !result.ok && flags.shrink ? await shrink(asked) : undefined
      if (!result.ok) failures++
      onResult({ ...(shrunk?.result ?? result), command: commandOf(shrunk?.options ?? asked) })
      if (done + 1 === flags.seeds) progress.update({ done: flags.seeds })
    }
    return false
  } catch (error) {
    if (error instanceof Cancelled) return true
    throw error
  } finally {
    progress.end()
  }
}

function lines(result: Shown, describe: (fault: Fault) => string): string[] {
  const { seed, ok, virtualMs, realMs, messages, packets, traceHash, trace, faults, problems, command: again } = result
  const head = `seed ${seed}: ${ok ? 'ok' : 'FAILED'}, ${(virtualMs / 1_000).toFixed(1)} s of virtual time in ${Math.round(realMs)} ms (${Math.round(virtualMs / realMs)}x), ${messages} messages, ${packets} packets, trace ${traceHash}`
  const found = ok ? [] : [
    ...faults.map((fault) => `  fault ${describe(fault)}`),
    ...problems.map(({ property, detail, at }) => `  ${property}: ${detail} (at ${(at / 1_000).toFixed(3)} s)`),
    `  again: ${again}`,
  ]
  return [head, ...trace.map((line) => `  ${line}`), ...found]
}

function total(results: readonly Shown[]): string {
  const sum = (value: (result: Shown) => number): number => results.reduce((all, result) => all + value(result), 0)
  const [virtual, real] = [sum(({ virtualMs }) => virtualMs), sum(({ realMs }) => realMs)]
  const speed = real > 0 ? ` (${Math.round(virtual / real)}x)` : ''
  return `${results.length} seeds, ${sum(({ ok }) => Number(!ok))} failed; ${Math.round(virtual / 1_000)} s of virtual time in ${(real / 1_000).toFixed(1)} s${speed}`
}

async function parseFaults(text: string): Promise<FaultKind[]> {
  const { faultKinds } = await import('../../sim/faults.ts')
  return text === 'none' ? [] : parseNames('--faults', text, faultKinds)
}

async function parseDefects(text: string): Promise<Defects> {
  const { defects } = await import('../../sim/defects.ts')
  const names = Object.keys(defects) as (keyof typeof defects)[]
  return Object.fromEntries(parseNames('--defects', text, names).map((name) => [name, true]))
}

function parseNames<Name extends string>(option: string, text: string, names: readonly Name[]): Name[] {
  return text.split(',').map((part) => {
    const known = names.find((one) => one === part.trim())
    if (known !== undefined) return known
    const near = nearNames(part.trim(), names)
    throw new InvalidArgument(option, `"${part}" is none of ${names.join(', ')}${near.length === 0 ? '' : `: did you mean ${near.join(' or ')}?`}`)
  })
}

function parseMode(text: string): 'safety' | 'liveness' {
  if (text !== 'safety' && text !== 'liveness') throw new InvalidArgumentError('write safety or liveness')
  return text
}

function parseLoad(text: string): { burst: number; everyMs: number } {
  const [burst, everyMs, ...rest] = text.split('/').map(Number)
  if (rest.length > 0 || burst === undefined || everyMs === undefined || !(burst >= 1) || !(everyMs >= 1)) throw new InvalidArgumentError('write posts/ms, as in 4/200')
  return { burst, everyMs }
}

function parseOnly(text: string): number[] {
  if (text === 'none') return []
  const numbers = text.split(',').map(Number)
  if (text.trim() === '' || numbers.some((number) => !Number.isInteger(number))) throw new InvalidArgumentError('write numbers of faults, separated by commas')
  return numbers
}
