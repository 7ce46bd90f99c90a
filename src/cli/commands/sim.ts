import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { InvalidArgument } from '../../kernel/errors.ts'
import type { FaultKind } from '../../sim/faults.ts'
import type { SimResult, SimulateOptions } from '../../sim/simulate.ts'
import { command, wholeNumber } from '../command.ts'
import type { Cli } from '../command.ts'
import { exitCodes } from '../exit.ts'

interface Flags {
  seed: number
  seeds: number
  nodes: number
  ms: number
  mode: 'safety' | 'liveness'
  load: { burst: number; everyMs: number }
  faults?: string
  only?: number[]
  shrink?: boolean
  trace?: number
  json?: boolean
}

/** Seeds that fail are told one by one; with more of them something is wrong with all. */
const mostFailures = 5

export function simCommand(cli: Cli): Command {
  return command('sim', 'runs whole nodes on a simulated network, server and clock, with faults; the same seed runs the same again', [
    'sim --seed 7 --nodes 3', 'sim --seed 1 --seeds 300', 'sim --seed 7 --faults crash,server --shrink', 'sim --seed 7 --trace 200',
  ])
    .option('--seed <n>', 'the first seed', wholeNumber(0), 1)
    .option('--seeds <n>', 'how many seeds, one after the other', wholeNumber(1), 1)
    .option('--nodes <n>', 'nodes of the hive', wholeNumber(1), 3)
    .option('--ms <ms>', 'virtual time with faults', wholeNumber(100), 20_000)
    .option('--mode <mode>', 'safety: nothing bad happens; liveness: then the faults stop, and all comes to its end', parseMode, 'liveness')
    .option('--load <burst/ms>', 'posts of each node in one go, and the time between two', parseLoad, { burst: 4, everyMs: 200 })
    .option('--faults <kinds>', 'only these kinds, or "none" (default: all)')
    .option('--only <numbers>', 'only these faults of the seed, or "none"', parseOnly)
    .option('--shrink', 'look for a shorter run with fewer faults that fails the same way')
    .option('--trace <lines>', 'show the last lines of what happened', wholeNumber(1))
    .option('--json', 'print JSON')
    .action(async (flags: Flags) => {
      const { simulate } = await import('../../sim/simulate.ts')
      const { commandOf, shrink } = await import('../../sim/shrink.ts')
      const { describeFault } = await import('../../sim/faults.ts')
      const faults = flags.faults === undefined ? undefined : await parseFaults(flags.faults)
      const options = (seed: number): SimulateOptions => ({
        seed, nodes: flags.nodes, virtualMs: flags.ms, mode: flags.mode, load: flags.load, traceLines: flags.trace, faults, only: flags.only,
      })
      const results: (SimResult & { command: string })[] = []
      let failures = 0
      for (let seed = flags.seed; seed < flags.seed + flags.seeds && failures < mostFailures; seed++) {
        let shown = options(seed)
        let result = await simulate(shown)
        if (!result.ok && flags.shrink) ({ options: shown, result } = (await shrink(shown)) ?? { options: shown, result })
        if (!result.ok) failures++
        results.push({ ...result, command: commandOf(shown) })
        if (flags.json) continue
        const speed = Math.round(result.virtualMs / result.realMs)
        if (!result.ok || flags.seeds === 1) {
          cli.io.out(`seed ${seed}: ${result.ok ? 'ok' : 'FAILED'}, ${(result.virtualMs / 1_000).toFixed(1)} s of virtual time in ${Math.round(result.realMs)} ms (${speed}x), ${result.messages} messages, ${result.packets} packets, trace ${result.traceHash}`)
          for (const line of result.trace) cli.io.out(`  ${line}`)
          for (const fault of result.ok ? [] : result.faults) cli.io.out(`  fault ${describeFault(fault)}`)
          for (const { property, detail, at } of result.problems) cli.io.out(`  ${property}: ${detail} (at ${(at / 1_000).toFixed(3)} s)`)
          if (!result.ok) cli.io.out(`  again: ${commandOf(shown)}`)
        }
      }
      if (flags.json) cli.io.json(flags.seeds === 1 ? results[0] : { ok: failures === 0, seeds: results.length, failed: results.filter(({ ok }) => !ok) })
      else if (flags.seeds > 1) {
        const virtual = results.reduce((sum, { virtualMs }) => sum + virtualMs, 0)
        const real = results.reduce((sum, { realMs }) => sum + realMs, 0)
        cli.io.out(`${results.length} seeds, ${failures} failed; ${Math.round(virtual / 1_000)} s of virtual time in ${(real / 1_000).toFixed(1)} s (${Math.round(virtual / real)}x)`)
      }
      cli.done(failures === 0 ? exitCodes.ok : exitCodes.failed)
    })
}

async function parseFaults(text: string): Promise<FaultKind[]> {
  const { faultKinds } = await import('../../sim/faults.ts')
  if (text === 'none') return []
  return text.split(',').map((kind) => {
    const known = faultKinds.find((one) => one === kind.trim())
    if (known === undefined) throw new InvalidArgument('--faults', `"${kind}" is none of ${faultKinds.join(', ')}`)
    return known
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
  if (numbers.some((number) => !Number.isInteger(number))) throw new InvalidArgumentError('write numbers of faults, separated by commas')
  return numbers
}
