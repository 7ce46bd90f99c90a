import type { Memory, Recalled } from '../hive.ts'
import { asData, told, whyOf } from '../mcp/describe.ts'
import { fit } from '../mcp/quote.ts'

/** Below this a memory is put before nobody who did not ask for it: results of tools, pages of the web. */
export const injectableTrust = 0.5
const shown = 6
/** Looked through: what is of this session, or too far from the prompt, is left out. */
const candidates = 24
const nearEnough = 0.4
const tokens = 2_000
const shortestPrompt = 8

/** Memories that bear on a prompt, quoted, with their source and trust; empty when there are none. */
export async function relevant(memory: Memory, prompt: string, session: string): Promise<string> {
  if (prompt.length < shortestPrompt || prompt.startsWith('/')) return ''
  const { hits } = await memory.recall({ query: prompt, limit: candidates, minTrust: injectableTrust })
  const chosen = hits.filter((hit) => hit.scope.session !== session && isNear(hit)).slice(0, shown)
  if (chosen.length === 0) return ''
  const fitted = fit(chosen, tokens)
  return [`Hivemind found ${fitted.shown.length} earlier records that may bear on this prompt. ${asData}`, ...fitted.shown.map((hit, index) => told(hit, index + 1, whyOf(hit.item.why)))].join('\n\n')
}

function isNear({ why: { vector, keyword } }: Recalled): boolean {
  return (vector?.similarity ?? 0) >= nearEnough || (keyword?.terms.length ?? 0) >= 2
}
