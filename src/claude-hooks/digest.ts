import type { Hive, Memory, SessionState } from '../hive.ts'
import { asData, told } from '../mcp/describe.ts'
import { fit, named, quoted } from '../mcp/quote.ts'
import { injectableTrust } from './relevant.ts'

const lasting = 6
const latest = 6
const tokens = 1_800
const stateCharacters = 1_500

/** What is known of a project when a session begins: what holds, what was said last, and how far the session had come. Empty when nothing is known. */
export async function digest(hive: Hive, memory: Memory, project: string, session: string): Promise<string> {
  const [semantic, episodic, state, conflicts] = await Promise.all([
    memory.recent({ kinds: ['semantic'], limit: lasting, minTrust: injectableTrust }),
    memory.recent({ kinds: ['episodic'], limit: latest, minTrust: injectableTrust }),
    hive.session(session).get(),
    hive.conflicts.list(),
  ])
  const { shown } = fit([...semantic, ...episodic], tokens)
  const known = stateText(state)
  if (shown.length === 0 && known === '' && conflicts.length === 0) return ''
  return [
    `Hivemind keeps a memory of the project ${named(project)}; the tool memory_recall finds more of it. ${asData}`,
    ...shown.map((hit, index) => told(hit, index + 1)),
    ...(known === '' ? [] : [`State of this session:\n${known}`]),
    ...(conflicts.length === 0 ? [] : [`${conflicts.length} records were changed on two sides and wait for somebody to choose: the tool memory_conflicts lists them.`]),
  ].join('\n\n')
}

function stateText({ updatedAt, ...fields }: SessionState): string {
  return updatedAt === undefined || Object.keys(fields).length === 0 ? '' : quoted(JSON.stringify(fields).slice(0, stateCharacters))
}
