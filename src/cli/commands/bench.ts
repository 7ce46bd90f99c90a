import { Argument, InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { command } from '../command.ts'
import type { Cli } from '../command.ts'
import { table } from '../io.ts'

const benches = {
  kernel: async () => (await import('../bench/kernel.ts')).benchKernel(),
  bus: async () => (await import('../bench/bus.ts')).benchBus(),
  rooms: async () => (await import('../bench/rooms.ts')).benchRooms(),
  check: async () => (await import('../bench/check.ts')).benchCheck(),
  sim: async () => (await import('../bench/sim.ts')).benchSim(),
  memory: async ({ size }: Options = {}) => (await import('../bench/memory.ts')).benchMemory({ size }),
  mcp: async ({ size }: Options = {}) => (await import('../bench/mcp.ts')).benchMcp({ size }),
  embed: async ({ model }: Options = {}) => (await import('../bench/embed.ts')).benchEmbed({ model }),
}
interface Options {
  size?: number
  model?: string
}
type Name = keyof typeof benches
const names = Object.keys(benches) as Name[]

interface Result {
  bench: string
  figures: Record<string, { median: number; min: number; max: number; unit: string }>
  ratios: Record<string, number>
}

export function benchCommand(cli: Cli): Command {
  return command('bench', 'measure this machine, beside what others use, in the same run; medians', ['bench kernel', 'bench rooms --json', 'bench'])
    .addArgument(new Argument('[name]', 'what is measured; everything without').choices(names))
    .option('--size <memories>', 'memory and mcp: how many (default 100000)', positive)
    .option('--model <folder>', 'embed: a folder with an ONNX model, instead of a transformer with weights by lot')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nbus and rooms start a redis-server of their own; kernel, rooms and mcp compare with packages that only a checkout has (npm ci).')
    .action(async (name: Name | undefined, flags: Options & { json?: boolean }) => {
      const { terminalProgress } = await import('../progress.ts')
      const progress = terminalProgress(cli.io, { quiet: flags.json === true })
      const results: Result[] = []
      try {
        for (const each of name === undefined ? names : [name]) {
          progress.step(`bench ${each}`)
          results.push(await benches[each](flags))
        }
      } finally {
        progress.end()
      }
      if (flags.json) cli.io.json(name === undefined ? results : results[0])
      else for (const result of results) cli.io.out(shown(result))
    })
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1_000) throw new InvalidArgumentError('give a whole number, 1000 or more')
  return value
}

function shown({ bench, figures, ratios }: Result): string {
  const rows = Object.entries(figures).map(([name, { median, min, max, unit }]) => [name, number(median), unit, `${number(min)} to ${number(max)}`])
  return `\n${bench}\n${table(rows)}\n\n${table(Object.entries(ratios).map(([name, ratio]) => [name, `${ratio.toFixed(2)}x`]))}`
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 2 })
}
