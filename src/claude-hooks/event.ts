import { z } from 'zod'
import { InvalidArgument } from '../kernel/errors.ts'

const base = { session_id: z.string().min(1).max(300), cwd: z.string().min(1), transcript_path: z.string().optional() }

/** What Claude Code tells its hooks, as far as it is used here. */
const schema = z.discriminatedUnion('hook_event_name', [
  z.looseObject({ ...base, hook_event_name: z.literal('SessionStart'), source: z.string().optional() }),
  z.looseObject({ ...base, hook_event_name: z.literal('UserPromptSubmit'), prompt: z.string() }),
  z.looseObject({ ...base, hook_event_name: z.literal('PostToolUse'), tool_name: z.string(), tool_input: z.unknown().optional(), tool_response: z.unknown().optional() }),
  z.looseObject({ ...base, hook_event_name: z.literal('Stop'), last_assistant_message: z.string().optional() }),
  z.looseObject({ ...base, hook_event_name: z.literal('PreCompact'), trigger: z.string().optional() }),
  z.looseObject({ ...base, hook_event_name: z.literal('SessionEnd'), reason: z.string().optional() }),
])

export type HookEvent = z.output<typeof schema>

/** Throws `InvalidArgument` naming the field. */
export function parseEvent(value: unknown): HookEvent {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new InvalidArgument(issue?.path.join('.') || 'event', issue?.message ?? 'is no event of a hook')
}
