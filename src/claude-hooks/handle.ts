import type { Hive, Memory, MemoryInput } from '../hive.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { projectOf } from '../project.ts'
import { findTranscripts } from '../transcripts/find.ts'
import { textOf } from '../transcripts/entry.ts'
import { channelOf, importTranscripts } from '../transcripts/import.ts'
import { saidText, toolText } from '../transcripts/trim.ts'
import { digest } from './digest.ts'
import type { HookEvent } from './event.ts'
import { relevant } from './relevant.ts'

/** As Claude Code reads it from a hook's stdout. */
export interface HookOutput {
  hookSpecificOutput: { hookEventName: 'SessionStart' | 'UserPromptSubmit'; additionalContext: string }
}

export interface Handled {
  /** What is put before the model, if anything. */
  output?: HookOutput
  /** Settles when everything that was to be kept is durable. */
  kept: Promise<void>
}

/** What a hook answers and what it keeps. Memories it makes belong to the project of `cwd` and to the session. */
export async function handleHook(hive: Hive, event: HookEvent): Promise<Handled> {
  const project = projectOf(event.cwd)
  const memory = hive.memory.as({ scope: { project } })
  const keep = (channel: 'user' | 'agent' | 'tool' | 'web', name: string, text: string): Promise<void> => store(memory.as({ channel, name }), { text, scope: { session: event.session_id } })
  switch (event.hook_event_name) {
    case 'SessionStart':
      return answer(event.hook_event_name, await digest(hive, memory, project, event.session_id), Promise.resolve())
    case 'UserPromptSubmit': {
      const prompt = saidText(event.prompt)
      // Recalled before it is kept, or it would find itself.
      const context = await relevant(memory, prompt, event.session_id)
      return answer(event.hook_event_name, context, prompt.startsWith('/') ? Promise.resolve() : keep('user', 'prompt', prompt))
    }
    case 'PostToolUse': {
      const tool = event.tool_name
      const channel = channelOf({ role: 'tool', tool })
      return { kept: keep(channel === 'web' ? 'web' : 'tool', tool, toolText(tool, event.tool_input, textOf(event.tool_response), false)) }
    }
    case 'Stop':
      return { kept: keep('agent', 'claude-code', saidText(event.last_assistant_message ?? '')) }
    case 'PreCompact':
      return { kept: checkpoint(hive, event, project) }
    case 'SessionEnd':
      return { kept: memory.consolidate(event.session_id).then(() => undefined) }
  }
}

function answer(hookEventName: HookOutput['hookSpecificOutput']['hookEventName'], additionalContext: string, kept: Promise<void>): Handled {
  return { kept, ...(additionalContext !== '' && { output: { hookSpecificOutput: { hookEventName, additionalContext } } }) }
}

async function store(memory: Memory, item: MemoryInput): Promise<void> {
  if (item.text === '') return
  try {
    await memory.store(item)
  } catch (error) {
    // Of a text that is private as a whole nothing is left to keep.
    if (!(error instanceof InvalidArgument && error.field === 'text')) throw error
  }
}

/** Before the context is compacted: what was said is in the memory, also what no hook saw, and made into lasting memories. */
async function checkpoint(hive: Hive, { session_id: session, transcript_path: path, trigger }: HookEvent & { trigger?: string | undefined }, project: string): Promise<void> {
  if (path !== undefined) await importTranscripts(hive.memory, await findTranscripts(path), { project })
  await hive.memory.consolidate(session, { scope: { project } })
  await hive.session(session).set({ compacted: { at: new Date(hive.clock.now()).toISOString(), trigger: trigger ?? 'auto' } })
}
