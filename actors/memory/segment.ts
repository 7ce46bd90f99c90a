/** One episode as consolidation sees it. */
export interface Episode {
  id: string
  text: string
  at: number
  trust: number
  vector: Float32Array
}

const longest = 24
/** Characters from which one episode can be a topic of its own. */
const loneLength = 200
/** Episodes on each side of a gap that are compared. */
const side = 3

/**
 * Cuts a session where its topic drifts: at each gap the episodes before it are compared with those after it, and the gaps that are
 * deeper than usual for this session become borders. The same episodes are always cut the same way.
 */
export function segment(episodes: readonly Episode[]): Episode[][] {
  const cohesion = episodes.slice(1).map((_, gap) => cosine(mean(episodes.slice(Math.max(0, gap + 1 - side), gap + 1)), mean(episodes.slice(gap + 1, gap + 1 + side))))
  const depths = cohesion.map((value, gap) => peak(cohesion, gap, -1) + peak(cohesion, gap, 1) - 2 * value)
  const average = depths.reduce((sum, depth) => sum + depth, 0) / Math.max(1, depths.length)
  const spread = Math.sqrt(depths.reduce((sum, depth) => sum + (depth - average) ** 2, 0) / Math.max(1, depths.length))
  const border = Math.max(0.15, average + spread / 2)
  const segments: Episode[][] = []
  let current: Episode[] = []
  for (const [index, episode] of episodes.entries()) {
    if (current.length > 0 && ((depths[index - 1] ?? 0) > border || current.length >= longest)) {
      segments.push(current)
      current = []
    }
    current.push(episode)
  }
  if (current.length > 0) segments.push(current)
  return joined(segments)
}

/** A remark alone is no topic: it goes to the neighbour that it is nearer to. */
function joined(segments: Episode[][]): Episode[][] {
  const result = segments.map((part) => [...part])
  for (let index = 0; index < result.length && result.length > 1;) {
    const part = result[index] as Episode[]
    if (part.length > 1 || (part[0] as Episode).text.length >= loneLength) {
      index++
      continue
    }
    const [before, after] = [result[index - 1], result[index + 1]]
    const nearness = (other: Episode[] | undefined): number => (other === undefined ? -2 : cosine(mean(part), mean(other)))
    if (nearness(before) >= nearness(after)) (before as Episode[]).push(...part)
    else (after as Episode[]).unshift(...part)
    result.splice(index, 1)
  }
  return result
}

/** The highest cohesion on the way up from a gap. */
function peak(cohesion: readonly number[], gap: number, step: -1 | 1): number {
  let best = cohesion[gap] as number
  for (let index = gap + step; index >= 0 && index < cohesion.length && (cohesion[index] as number) >= best; index += step) best = cohesion[index] as number
  return best
}

export function mean(items: readonly { vector: Float32Array }[]): Float32Array {
  const sum = new Float32Array(items[0]?.vector.length ?? 0)
  for (const { vector } of items) for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] as number) + (vector[index] as number)
  return sum
}

export function cosine(one: Float32Array, two: Float32Array): number {
  let dot = 0
  let oneSquare = 0
  let twoSquare = 0
  for (let index = 0; index < one.length; index++) {
    dot += (one[index] as number) * (two[index] as number)
    oneSquare += (one[index] as number) ** 2
    twoSquare += (two[index] as number) ** 2
  }
  return oneSquare === 0 || twoSquare === 0 ? 0 : dot / Math.sqrt(oneSquare * twoSquare)
}
