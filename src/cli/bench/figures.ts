/** One measurement over several rounds. */
export interface Figure {
  median: number
  min: number
  max: number
  unit: string
}

export interface BenchResult {
  bench: string
  figures: Record<string, Figure>
  ratios: Record<string, number>
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function figure(samples: readonly number[], unit: string): Figure {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples), unit }
}

/** The median of the ratios of rounds that ran one after the other: what else the machine does hits both. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / theirs[round]!))
}
