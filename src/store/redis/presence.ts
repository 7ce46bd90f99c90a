import type { Presence } from '../ports.ts'
import type { Backend } from './link.ts'

/** Nodes in a sorted set by expiry; times are the server's, so that nodes need not agree on theirs. */
export function createPresence({ keys, run }: Pick<Backend, 'keys' | 'run'>): Presence {
  const both = [keys.nodesActive(), keys.nodesAbout()]
  return {
    async announce(node, summary, ttlMs) {
      await run('announce', both, [node, ttlMs, JSON.stringify(summary)])
    },
    async withdraw(node) {
      return (await run('announce', both, [node])) === 1
    },
    async list() {
      const flat = (await run('nodes', both, [])) as (string | number)[]
      const nodes = []
      for (let index = 0; index < flat.length; index += 3) {
        nodes.push({ node: String(flat[index]), remainingMs: Number(flat[index + 1]), summary: JSON.parse(String(flat[index + 2])) as unknown })
      }
      return nodes.sort((a, b) => (a.node < b.node ? -1 : 1))
    },
  }
}
