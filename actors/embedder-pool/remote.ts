import { embeddingRole, readReply, replyChannel, requestChannel, silenceMs } from '../../src/embedding/remote-wire.ts'
import type { RemoteAnswer, RemoteReply, RemoteRequest } from '../../src/embedding/remote-wire.ts'
import { readCharacters } from '../../src/embedding/types.ts'
import type { Embedder, EmbedOptions, Embeddings, ModelInfo, Purpose } from '../../src/embedding/types.ts'
import { createVectorCache } from '../../src/embedding/vector-cache.ts'
import type { Clock, Randomness, Timer } from '../../src/kernel/clock.ts'
import { Cancelled, EmbedderBusy, EmbedderUnavailable, messageOf } from '../../src/kernel/errors.ts'
import type { Signals, Stoppable } from '../../src/store/ports.ts'
import { checkTexts, hashOf } from './texts.ts'

export interface RemoteEmbedderOptions {
  node: string
  signals: Signals
  clock: Clock
  randomness: Randomness
  /** The nodes of the hive. */
  nodes(): Promise<readonly { id: string; roles: readonly string[]; holds: readonly string[] }[]>
  cacheBytes: number
  /** Texts that may be on their way. */
  limit: number
}

export interface RemoteEmbedder extends Embedder {
  stats(): { requests: number; failovers: number }
  /** Rejects what waits. Twice is harmless. */
  close(): Promise<void>
}

interface Attempt {
  heard(reply: RemoteReply): void
  fail(problem: string): void
}

/** Of one request. */
const requestTexts = 64
const requestCharacters = 256 * 1024
/** How long nobody is asked after nobody answered, ms. */
const restMs = 5_000

/**
 * Vectors by nodes that offer the role `embedding`: the one that answered last, its holder, then the others, until one answers.
 * The first answer fixes the model; a node that has another is passed over.
 */
export function createRemoteEmbedder({ node, signals, clock, randomness, nodes, cacheBytes, limit }: RemoteEmbedderOptions): RemoteEmbedder {
  const cache = createVectorCache(cacheBytes)
  const attempts = new Map<string, Attempt>()
  let subscription: Promise<Stoppable> | undefined
  let model: ModelInfo | undefined
  let last: string | undefined
  let resting: { error: Error; until: number } | undefined
  let onTheirWay = 0
  let requests = 0
  let failovers = 0
  let closed = false

  function failAll(problem: string): void {
    for (const attempt of attempts.values()) attempt.fail(problem)
  }

  async function listen(): Promise<void> {
    subscription ??= signals.subscribe(replyChannel(node), (payload) => {
      const reply = readReply(payload)
      if (reply !== undefined) attempts.get(reply.id)?.heard(reply)
    }, () => failAll('the connection was lost for a moment'))
    try {
      await subscription
    } catch (error) {
      subscription = undefined
      throw error
    }
  }

  async function candidates(): Promise<string[]> {
    const rank = ({ id, holds }: { id: string; holds: readonly string[] }): number => (id === last ? 0 : holds.includes(embeddingRole) ? 1 : 2)
    return (await nodes()).filter(({ id, roles }) => id !== node && roles.includes(embeddingRole)).sort((one, other) => rank(one) - rank(other)).map(({ id }) => id)
  }

  async function ask(purpose: Purpose, texts: readonly string[], signal: AbortSignal | undefined): Promise<RemoteAnswer> {
    if (closed) throw new EmbedderUnavailable('the embedder is closed')
    if (resting !== undefined && clock.monotonic() < resting.until) throw resting.error
    resting = undefined
    const problems: string[] = []
    try {
      await listen()
      for (const candidate of await candidates()) {
        try {
          const answer = await tryNode(candidate, { id: randomness.id(), from: node, model: model?.key, purpose, texts: [...texts] }, signal)
          last = candidate
          return answer
        } catch (error) {
          if (error instanceof Cancelled || closed) throw error
          failovers++
          problems.push(`${candidate}: ${messageOf(error)}`)
        }
      }
    } catch (error) {
      if (error instanceof Cancelled) throw error
      problems.push(messageOf(error))
    }
    const error = new EmbedderUnavailable(problems.length === 0 ? `no node offers the role "${embeddingRole}": start one with node.roles ["${embeddingRole}"]` : problems.join('; '))
    // The others may all have gone over to another model: the next answer fixes it again.
    model = undefined
    resting = { error, until: clock.monotonic() + restMs }
    throw error
  }

  function tryNode(candidate: string, request: RemoteRequest, signal: AbortSignal | undefined): Promise<RemoteAnswer> {
    return new Promise((resolve, reject) => {
      let silence: Timer
      const end = (settle: () => void): void => {
        silence.cancel()
        signal?.removeEventListener('abort', onAbort)
        attempts.delete(request.id)
        settle()
      }
      const attempt: Attempt = {
        heard(reply) {
          silence.cancel()
          if (reply.kind === 'answered') end(() => resolve(reply))
          else if (reply.kind === 'refused') attempt.fail(reply.problem)
          else wait()
        },
        fail: (problem) => end(() => reject(new EmbedderUnavailable(problem))),
      }
      const wait = (): void => void (silence = clock.timer(silenceMs, () => attempt.fail(`nothing was heard of it for ${silenceMs} ms`)))
      const onAbort = (): void => end(() => reject(new Cancelled('embedding', signal?.reason)))
      wait()
      attempts.set(request.id, attempt)
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      requests++
      signals.publish(requestChannel(candidate), JSON.stringify(request)).catch((error: unknown) => attempt.fail(messageOf(error)))
    })
  }

  async function info(signal?: AbortSignal): Promise<ModelInfo> {
    if (model === undefined) {
      const { model: key, dimension, maxTokens } = await ask('query', [], signal)
      model ??= { key, dimension, maxTokens }
    }
    return model
  }

  async function embed(texts: readonly string[], { purpose = 'passage', signal }: EmbedOptions = {}): Promise<Embeddings> {
    checkTexts(texts)
    if (onTheirWay > 0 && onTheirWay + texts.length > limit) throw new EmbedderBusy(onTheirWay, limit)
    onTheirWay += texts.length
    try {
      const { key, dimension, maxTokens } = await info(signal)
      const hashes = texts.map((text) => hashOf(key, purpose, text))
      const vectors = hashes.map((name) => cache.get(name))
      const cached = vectors.map((vector) => vector !== undefined)
      const missing = vectors.flatMap((vector, index) => (vector === undefined ? [index] : []))
      while (missing.length > 0) {
        const batch: number[] = []
        const sent: string[] = []
        for (let characters = 0; missing.length > 0 && batch.length < requestTexts; batch.push(missing.shift() as number)) {
          const text = (texts[missing[0] as number] as string).slice(0, readCharacters(maxTokens))
          characters += text.length
          if (batch.length > 0 && characters > requestCharacters) break
          sent.push(text)
        }
        const answer = await ask(purpose, sent, signal)
        const bytes = Buffer.from(answer.vectors, 'base64')
        if (answer.model !== key || bytes.length !== 4 * dimension * batch.length) throw new EmbedderUnavailable(`a node answered with vectors of ${answer.model} when ${key} was asked for: ask again`)
        for (const [at, index] of batch.entries()) {
          const vector = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 4 * dimension * at, bytes.byteOffset + 4 * dimension * (at + 1)))
          vectors[index] = vector
          cache.set(hashes[index] as string, vector.slice())
        }
      }
      return { vectors: vectors as Float32Array[], cached, hashes, model: key, dimension }
    } finally {
      onTheirWay -= texts.length
    }
  }

  return {
    info: () => info(),
    embed,
    stats: () => ({ requests, failovers }),
    async close() {
      closed = true
      failAll('the embedder is closed')
      await subscription?.then((made) => made.stop(), () => undefined)
    },
  }
}
