import { InvalidArgument, VersionConflict } from '../../src/kernel/errors.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { catalogue, ttlMs } from '../../src/store/keys.ts'
import type { Records } from '../../src/store/ports.ts'
import { cleanText } from '../memory/input.ts'
import type { Memory, Scope } from '../memory/types.ts'

/** What an agent has in mind: a few remarks, for a few hours. What falls out of it becomes an episode of the memory. */
export interface WorkingMemory {
  /** Secrets are taken out. The oldest remarks become episodes when there is no room. */
  add(text: string): Promise<void>
  /** Oldest first. What is older than its time has become an episode. */
  list(): Promise<{ text: string; at: number }[]>
  /** Makes episodes of all that is left; returns their ids. */
  flush(): Promise<string[]>
  /** Forgets what is left. */
  clear(): Promise<void>
}

interface Remark {
  text: string
  at: number
}

const maxRemarks = 32
const maxCharacters = 16_384
/** The record outlives its remarks, so that those which ran out still become episodes when the agent is seen again. */
const keptMs = 7 * 24 * 3_600_000
const attempts = 8

export function createWorkingMemory(agent: string, scope: Scope, { records, memory, clock }: { records: Records; memory: Memory; clock: Clock }): WorkingMemory {
  if (typeof agent !== 'string' || agent === '') throw new InvalidArgument('agent', 'must be the name of an agent')
  const key = catalogue.agentWorking.build(agent)
  const episodes = memory.as({ channel: 'agent', name: agent, scope })

  /**
   * Splits what is there into what stays and what goes. What goes is stored first: killed in between, it is stored again under the
   * id it has, and removed then.
   */
  async function turn(next: (remarks: Remark[]) => Remark[], keep: (remarks: Remark[]) => { stay: Remark[]; go: Remark[] }): Promise<{ stay: Remark[]; ids: string[] }> {
    for (let attempt = 1; ; attempt++) {
      const record = await records.get(key)
      const before = (record?.value as Remark[] | undefined) ?? []
      const { stay, go } = keep(next(before))
      const stored = go.length === 0 ? [] : await episodes.store(go.map(({ text, at }) => ({ text, at })))
      if (go.length > 0 || stay.length !== before.length) {
        const version = record?.version ?? 0
        const result = stay.length === 0 ? await records.delete(key, { expect: version }) : await records.put(key, stay, { expect: version, ttlMs: keptMs })
        if (!result.ok) {
          if (attempt < attempts) continue
          throw new VersionConflict(key, version, result.current?.version ?? 0)
        }
      }
      return { stay, ids: stored.map(({ id }) => id) }
    }
  }

  /** The youngest that fit and are not too old. */
  function fitting(remarks: Remark[]): { stay: Remark[]; go: Remark[] } {
    const oldest = clock.now() - ttlMs.workingMemory
    let characters = 0
    let from = remarks.length
    while (from > 0) {
      const { text, at } = remarks[from - 1] as Remark
      characters += text.length
      if (at < oldest || characters > maxCharacters || remarks.length - from + 1 > maxRemarks) break
      from--
    }
    return { stay: remarks.slice(from), go: remarks.slice(0, from) }
  }

  return {
    async add(said) {
      const { text } = cleanText(said, 'text')
      if (text === '') throw new InvalidArgument('text', 'must not be empty')
      if (text.length > maxCharacters) throw new InvalidArgument('text', `has ${text.length} characters and the limit is ${maxCharacters}: store it as a memory`)
      const at = Math.trunc(clock.now())
      await turn((remarks) => [...remarks, { text, at }], fitting)
    },
    list: async () => (await turn((remarks) => remarks, fitting)).stay,
    flush: async () => (await turn((remarks) => remarks, (remarks) => ({ stay: [], go: remarks }))).ids,
    async clear() {
      await records.delete(key)
    },
  }
}
