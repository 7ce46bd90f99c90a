import { unit } from './memory-file.ts'
import type { Memory } from './memory-file.ts'

/** Uniform in [0, 1); the same seed gives the same numbers. */
export function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

/** A word of rank r with a chance of about 1 / r. */
export function word(next: () => number): string {
  return `w${Math.floor(2_000 ** next())}`
}

/** Memories in sessions of about ten, in four projects. */
export function corpusOf(count: number, next: () => number, dimension = 8): Memory[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `m${index}`,
    text: Array.from({ length: 3 + Math.floor(next() * 25) }, () => word(next)).join(' '),
    project: `p${Math.floor(next() * 4)}`,
    session: next() < 0.2 ? '' : `s${Math.floor(index / 40)}`,
    agent: next() < 0.5 ? 'claude' : '',
    kind: next() < 0.8 ? 'episodic' : 'semantic',
    at: Math.floor(next() * 1_000),
    trust: next() < 0.5 ? 0.3 : 1,
    ...(next() < 0.9 ? { model: 'm@1', vector: unit(Array.from({ length: dimension }, () => next() - 0.5)) } : {}),
  }))
}
