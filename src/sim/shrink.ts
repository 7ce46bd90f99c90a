import { simulate } from './simulate.ts'
import type { SimResult, SimulateOptions } from './simulate.ts'

export interface Shrunk {
  options: SimulateOptions
  result: SimResult
  /** Runs it took. */
  runs: number
}

/** Looks for fewer faults and a shorter run with which the same property fails. Returns `undefined` when the run does not fail. */
export async function shrink(options: SimulateOptions): Promise<Shrunk | undefined> {
  let result = await simulate(options)
  const property = result.problems[0]?.property
  if (property === undefined) return undefined
  let best: SimulateOptions = { ...options, only: result.faults.map(({ id }) => id) }
  let runs = 1

  async function accept(candidate: SimulateOptions): Promise<boolean> {
    runs++
    const tried = await simulate(candidate)
    if (tried.problems[0]?.property !== property) return false
    best = candidate
    result = tried
    return true
  }

  const last = (result.faults.at(-1)?.at ?? 0) + 1_000
  const length = options.virtualMs ?? 20_000
  for (const virtualMs of [Math.ceil(result.problems[0]!.at / 100) * 100, Math.ceil(last / 100) * 100]) {
    const only = result.faults.filter(({ at }) => at < virtualMs).map(({ id }) => id)
    if (virtualMs < length && (await accept({ ...best, virtualMs, only }))) break
  }
  // Halves first, then fewer at a time, as long as one piece can be left out.
  for (let piece = Math.ceil((best.only?.length ?? 0) / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < (best.only?.length ?? 0);) {
      const only = best.only!.filter((_, index) => index < from || index >= from + piece)
      if (!(await accept({ ...best, only }))) from += piece
    }
  }
  return { options: best, result, runs }
}

/** The one line that runs it again. */
export function commandOf({ seed, nodes, virtualMs, faults, only, mode, load, defects = {} }: SimulateOptions): string {
  const parts = [`hivemind sim --seed ${seed}`]
  if (nodes !== undefined) parts.push(`--nodes ${nodes}`)
  if (virtualMs !== undefined) parts.push(`--ms ${virtualMs}`)
  if (mode !== undefined) parts.push(`--mode ${mode}`)
  if (load !== undefined) parts.push(`--load ${load.burst}/${load.everyMs}`)
  if (faults !== undefined) parts.push(`--faults ${faults.join(',') || 'none'}`)
  if (only !== undefined) parts.push(`--only ${only.join(',') || 'none'}`)
  const planted = Object.entries(defects).flatMap(([name, on]) => (on ? [name] : []))
  if (planted.length > 0) parts.push(`--defects ${planted.join(',')}`)
  return parts.join(' ')
}
