import { resolve } from 'node:path'
import type { Config } from '../../src/config.ts'
import type { ModelSource } from '../../src/embedding/types.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'
import { createKeys, ttlMs } from '../../src/store/keys.ts'
import type { Cache } from '../../src/store/ports.ts'
import { createEmbedderPool } from './pool.ts'
import type { EmbedderPool } from './pool.ts'

export interface EmbedderParts {
  config: Config
  system: ActorSystem
  clock: Clock
  cache: Cache
  onProblem(error: unknown): void
}

/** The embedder that the configuration asks for. Nothing runs until the first text comes. */
export function createEmbedder({ config, system, clock, cache, onProblem }: EmbedderParts): EmbedderPool {
  const { model, workers, threads, queryPrefix, passagePrefix, queue, cacheBytes, idleMs } = config.embedder
  const source: ModelSource = model === 'builtin' ? { kind: 'builtin' } : { kind: 'folder', path: resolve(model), threads, queryPrefix, passagePrefix }
  const keys = createKeys()
  return createEmbedderPool({
    system, clock, source, workers, cacheBytes,
    queue: { texts: queue, characters: 64 * 1024 ** 2 },
    idleMs: idleMs === 0 ? null : idleMs,
    startMs: 120_000, batchMs: 60_000,
    ...(source.kind === 'folder' && { shared: { cache, key: keys.embedding, ttlMs: ttlMs.embedding } }),
    onProblem,
  })
}
