import { onTestFinished } from 'vitest'
import { systemRandomness } from '../../src/kernel/clock.ts'
import { buildBase } from '../../src/vectors/base/write.ts'
import type { SearchRequest, SearchResult } from '../../src/vectors/types.ts'
import { search } from '../../src/vectors/worker/engine.ts'
import { State } from '../../src/vectors/worker/state.ts'
import type { MemoryFile } from './memory-file.ts'

/** The index of a file in this very thread. */
export function stateOf(file: MemoryFile, buildAt = 4_000): State {
  const state = new State({ dataDir: file.dataDir, database: file.path, buildAt }, (problem) => file.problems.push(problem))
  onTestFinished(() => state.close())
  return state
}

/** With everything read. */
export function searchIn(state: State, request: SearchRequest): SearchResult {
  let result = search(state, { ...request, now: request.at ?? 0 })
  while (result.behind > 0) {
    state.readOn()
    result = search(state, { ...request, now: request.at ?? 0 })
  }
  return result
}

export function build(file: MemoryFile): Promise<'built' | 'busy'> {
  return buildBase({ dataDir: file.dataDir, database: file.path, randomness: systemRandomness, waitMs: 0, pause: async () => undefined })
}
