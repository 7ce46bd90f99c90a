import type { Embedder } from '../../src/embedding/types.ts'
import { defineActor } from '../../src/kernel/define.ts'
import { EmbedderUnavailable, HivemindError, ModelUnusable, StoreUnavailable, messageOf } from '../../src/kernel/errors.ts'
import type { Documents, LeaseGrant, Leases } from '../../src/store/ports.ts'
import type { Database } from '../../src/store/sqlite/database.ts'
import { memoryKey, packVector } from './value.ts'
import type { Value } from './value.ts'

export interface KeeperInput {
  documents: Documents
  database: Pick<Database, 'all'>
  embedder: Embedder
  leases: Leases
  node: string
}

interface State {
  /** Rows up to here have a vector of the model. */
  after: number
  model?: string
  grant?: LeaseGrant
  /** A page is being worked on, or waits for its turn. */
  busy: boolean
  failures: number
}

const lease = 'memory:keeper'
const ttlMs = 30_000
const pageRows = 200
const retryMs = { least: 1_000, most: 60_000 }

/**
 * Gives every memory a vector of the model in force: those that were stored while nothing could be embedded, and all of them after
 * a change of the model. In the background, page by page, by one node of the hive at a time; recall goes on meanwhile, by words
 * for what has no vector yet.
 */
export const memoryKeeper = defineActor({
  name: 'memory-keeper',
  state: (_: KeeperInput): State => ({ after: 0, busy: false, failures: 0 }),
  handlers: {
    /** There may be something to do: memory is in use, or something was stored without a vector. `again` looks from the beginning. */
    wake({ again = false }: { again?: boolean }, ctx) {
      if (again) ctx.state.after = 0
      if (ctx.state.busy) return
      ctx.state.busy = true
      ctx.self.tell({ type: 'page' })
    },
    async page(_: {}, ctx) {
      const { state, input } = ctx
      try {
        const more = await page(input, state, ctx.clock.monotonic(), ctx.signal)
        state.failures = 0
        if (more) ctx.self.tell({ type: 'page' })
        else {
          state.busy = false
          await release(input, state)
        }
      } catch (error) {
        if (ctx.signal.aborted) return
        if (!(error instanceof HivemindError)) throw error
        // A model that cannot be used will not heal by itself: the next wake tries again.
        if (error instanceof ModelUnusable) state.busy = false
        else ctx.after(Math.min(retryMs.most, retryMs.least * 2 ** Math.min(state.failures++, 10)), { type: 'page' })
        if (!(error instanceof EmbedderUnavailable || error instanceof StoreUnavailable)) ctx.log.warn({ problem: messageOf(error) }, 'memories could not be embedded: tried again later')
      }
    },
  },
  async stop(ctx) {
    // It runs out by itself where it cannot be given back.
    await release(ctx.input, ctx.state).catch((error: unknown) => ctx.log.debug({ problem: messageOf(error) }, 'the lease of the keeper was not given back'))
  },
})

/** Whether there is more to do at once. */
async function page({ documents, database, embedder, leases, node }: KeeperInput, state: State, now: number, signal: AbortSignal): Promise<boolean> {
  const [any] = await database.all("SELECT 1 AS there FROM memories WHERE state != 'gone' AND num > ? LIMIT 1", [state.after])
  if (any === undefined) return false
  const { key: model } = await embedder.info()
  if (state.model !== model) {
    state.model = model
    state.after = 0
  }
  const rows = await database.all("SELECT num, id, text FROM memories WHERE state != 'gone' AND num > ? AND (model IS NULL OR model != ?) ORDER BY num LIMIT ?", [state.after, model, pageRows])
  if (rows.length === 0) {
    const [last] = await database.all('SELECT max(num) AS num FROM memories')
    state.after = Number(last?.['num'] ?? 0)
    return false
  }
  if (state.grant === undefined || state.grant.heldUntil < now + ttlMs / 2) {
    state.grant = state.grant === undefined ? await leases.acquire(lease, node, ttlMs) : await leases.renew(lease, node, state.grant.fence, ttlMs)
    // Another node does it.
    if (state.grant === undefined) throw new StoreUnavailable('memories are being embedded by another node')
  }
  const { vectors } = await embedder.embed(rows.map(({ text }) => String(text)), { purpose: 'passage', signal })
  const found = await documents.get(rows.map(({ id }) => memoryKey(String(id))))
  const writes = found.flatMap((document, index) => {
    // Changed meanwhile: its writer gave it a vector, or the next look will.
    if (document === undefined || (document.value as Value).text !== rows[index]?.['text']) return []
    return [{ key: document.key, value: { ...(document.value as Value), model }, expect: document.version, bytes: packVector(vectors[index] as Float32Array) }]
  })
  const written = await documents.write(writes)
  const refused = written.find((result) => !result.ok && result.reason === 'quota')
  if (refused !== undefined) throw new StoreUnavailable('the budget of memories leaves no room for vectors')
  state.after = Number(rows.at(-1)?.['num'])
  return true
}

async function release({ leases, node }: KeeperInput, state: State): Promise<void> {
  const { grant } = state
  state.grant = undefined
  if (grant !== undefined) await leases.release(lease, node, grant.fence)
}
