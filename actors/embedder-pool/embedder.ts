import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../../src/config.ts'
import { fetchModel, hubFolder, readHubModel } from '../../src/embedding/hub.ts'
import { embeddingRole } from '../../src/embedding/remote-wire.ts'
import type { Embedder, EmbedOptions, Embeddings, ModelInfo, ModelSource } from '../../src/embedding/types.ts'
import type { Clock, Randomness } from '../../src/kernel/clock.ts'
import { EmbedderUnavailable, ModelUnusable } from '../../src/kernel/errors.ts'
import type { Logger } from '../../src/kernel/logger.ts'
import type { ActorSystem } from '../../src/kernel/types.ts'
import { createKeys, ttlMs } from '../../src/store/keys.ts'
import type { Cache, Signals, Stoppable } from '../../src/store/ports.ts'
import { createEmbedderPool } from './pool.ts'
import type { EmbedderPool, EmbedderStats } from './pool.ts'
import { createRemoteEmbedder } from './remote.ts'
import type { RemoteEmbedder, RemoteEmbedderOptions } from './remote.ts'
import { serveEmbeddings } from './remote-server.ts'

export interface EmbedderParts {
  config: Config
  node: string
  system: ActorSystem
  clock: Clock
  randomness: Randomness
  cache: Cache
  /** Of the shared store; without one there are no other nodes. */
  signals: Signals | undefined
  nodes: RemoteEmbedderOptions['nodes']
  onProblem(error: unknown): void
}

export interface NodeEmbedder extends Embedder {
  /** From now on the other nodes are served, where this one offers the role `embedding`. */
  serve(): Promise<void>
  stats(): EmbedderStats & { remote?: { requests: number; failovers: number } }
  close(): Promise<void>
}

/**
 * The embedder that the configuration asks for: threads of this process, other nodes (`embedder.where`), or those when the threads
 * cannot. Nothing runs until the first text comes.
 */
export function createEmbedder(parts: EmbedderParts): NodeEmbedder {
  const { config: { embedder: { where, cacheBytes, queue }, node: { roles } }, node, clock, randomness, signals, nodes, onProblem } = parts
  const pool = createLocal(parts)
  const remote = where === 'local' || signals === undefined ? undefined : createRemoteEmbedder({ node, signals, clock, randomness, nodes, cacheBytes, limit: queue })
  let serving: Promise<Stoppable> | undefined

  async function either<Result>(run: (embedder: Embedder) => Promise<Result>): Promise<Result> {
    if (where === 'remote') return run(remote ?? nobody)
    if (remote === undefined) return run(pool)
    try {
      return await run(pool)
    } catch (error) {
      if (!(error instanceof ModelUnusable || error instanceof EmbedderUnavailable)) throw error
      return elsewhere(remote, run, error)
    }
  }

  return {
    info: () => either((embedder): Promise<ModelInfo> => embedder.info()),
    embed: (texts, options?: EmbedOptions) => either((embedder): Promise<Embeddings> => embedder.embed(texts, options)),
    async serve() {
      if (signals === undefined || where === 'remote' || !roles.includes(embeddingRole)) return
      serving ??= serveEmbeddings({ node, signals, clock, embedder: pool, onProblem })
      // A subscription that fails is made again when the shared store is back.
      await serving.catch(onProblem)
    },
    stats: () => ({ ...pool.stats(), ...(remote !== undefined && { remote: remote.stats() }) }),
    async close() {
      await serving?.then((made) => made.stop(), () => undefined)
      await remote?.close()
      await pool.close()
    },
  }
}

/** What was wrong here is said, unless somebody else could. */
async function elsewhere<Result>(remote: RemoteEmbedder, run: (embedder: Embedder) => Promise<Result>, here: Error): Promise<Result> {
  try {
    return await run(remote)
  } catch (error) {
    throw error instanceof EmbedderUnavailable ? here : error
  }
}

const nobody: Embedder = {
  info: () => Promise.reject(new EmbedderUnavailable('embedder.where is "remote", and without a shared store there are no other nodes: set redis')),
  embed: () => nobody.info() as Promise<never>,
}

function createLocal({ config, system, clock, cache, onProblem }: EmbedderParts): EmbedderPool {
  const { model, workers, threads, queryPrefix, passagePrefix, queue, cacheBytes, idleMs } = config.embedder
  const hub = model === 'builtin' || existsSync(model) ? undefined : readHubModel(model)
  const source: ModelSource = model === 'builtin' ? { kind: 'builtin' } : { kind: 'folder', path: hub === undefined ? resolve(model) : hubFolder(config.dataDir, hub), threads, queryPrefix, passagePrefix }
  const keys = createKeys()
  return createEmbedderPool({
    system, clock, source, workers, cacheBytes,
    queue: { texts: queue, characters: 64 * 1024 ** 2 },
    idleMs: idleMs === 0 ? null : idleMs,
    startMs: 120_000, batchMs: 60_000,
    ...(hub !== undefined && { prepare: (signal: AbortSignal) => fetchModel(hub, { dataDir: config.dataDir, clock, signal, ...hubOfEnvironment(), onProgress: progressIn(system.logger, model) }) }),
    ...(source.kind === 'folder' && { shared: { cache, key: keys.embedding, ttlMs: ttlMs.embedding } }),
    onProblem,
  })
}

/** As the hub's own tools are told. */
function hubOfEnvironment(): { endpoint: string; token?: string } {
  const { HF_ENDPOINT: endpoint = 'https://huggingface.co', HF_TOKEN: token } = process.env
  return { endpoint: endpoint.replace(/\/+$/, ''), ...(token !== undefined && token !== '' && { token }) }
}

/** A line for every tenth. */
function progressIn(logger: Logger, model: string): (bytes: number, total: number) => void {
  let told = -1
  return (bytes, total) => {
    const tenths = total === 0 ? 10 : Math.floor((10 * bytes) / total)
    if (tenths <= told) return
    told = tenths
    logger.info({ model, bytes, total }, `the model ${model} is being downloaded: ${10 * tenths}%`)
  }
}
