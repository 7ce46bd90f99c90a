import { HivemindError, messageOf } from '../../kernel/errors.ts'
import type { BenchResult } from './figures.ts'

/** Runs every subject once per round, one after the other, so that what else the machine does hits all of them. Returns a sample per round. */
export async function interleave<Name extends string>(rounds: number, subjects: Record<Name, () => number | Promise<number>>): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  // Round 0 warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const sample = await subjects[name]()
      if (round > 0) samples[name].push(sample)
    }
  }
  return samples
}

/** A package that only a checkout has. */
export class PeerMissing extends HivemindError {
  constructor(name: string, cause: unknown) {
    super('peer_missing', `the comparison needs "${name}", which is a development dependency: run "npm ci" in a checkout (${messageOf(cause)})`, false, { cause })
  }
}

/** Throws `PeerMissing`. */
export async function loadPeer<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    throw new PeerMissing(name, error)
  }
}

/** What a median, or a ratio, has to reach. */
export interface Target {
  name: string
  atLeast?: number
  atMost?: number
}

/** One line per target, `pass` or `FAIL` first. */
export function judge({ figures, ratios }: BenchResult, targets: readonly Target[]): string[] {
  return targets.map(({ name, atLeast = -Infinity, atMost = Infinity }) => {
    const value = ratios[name] ?? figures[name]?.median
    const met = value !== undefined && value >= atLeast && value <= atMost
    const bound = atLeast === -Infinity ? `at most ${atMost}` : `at least ${atLeast}`
    return `${met ? 'pass' : 'FAIL'}  ${name}: ${value === undefined ? 'not measured' : value.toPrecision(3)}, ${bound}${figures[name] === undefined ? '' : ` ${figures[name].unit}`}`
  })
}
