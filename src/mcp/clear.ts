import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { InvalidArgument } from '../kernel/errors.ts'
import type { Caller, Door } from './caller.ts'
import { named } from './quote.ts'
import { addTool, kinds, scopeFields, scopeOf, time } from './tool.ts'
import type { Answer } from './tool.ts'

const input = z.strictObject({
  ...scopeFields,
  kinds: kinds.optional(),
  before: time.optional().describe('Only what happened before, ISO 8601'),
  all: z.boolean().default(false).describe('Everything of the project: needed when neither session, agent, kinds nor before is given'),
  confirm: z.string().max(200).optional().describe('The token that an earlier call with the same arguments gave'),
})
const output = z.object({
  cleared: z.boolean(),
  count: z.number().int().describe('Memories that were forgotten, or would be'),
  fields: z.number().int().describe('Fields of the session state that were taken away, or would be'),
  confirm: z.string().optional().describe('Give this to do it, within five minutes'),
  reason: z.string().optional(),
})
const yes = z.object({ confirm: z.boolean() })
const form = { type: 'object' as const, properties: { confirm: { type: 'boolean' as const, title: 'Yes, clear them' } }, required: ['confirm'] }

type Args = z.output<typeof input>

export function addClear(server: McpServer, door: Door): void {
  addTool(server, door, {
    name: 'memory_clear', title: 'Clear memories', input, output,
    description: 'Forgets all memories of a session, agent, kind or time (or, with all, of the project), and with a session also its saved state. '
      + 'Nothing happens without a confirmation: the user is asked where the client can do that; elsewhere the first call only counts and gives a token, '
      + 'and the same call with that token as confirm does it. Show the user the count before you confirm. Memories can be brought back (hivemind memory restore), the state of a session cannot.',
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  }, async (caller, args, { mcpReq }) => {
    const { confirm, ...selection } = args
    if (!selection.all && [selection.session, selection.agent, selection.kinds, selection.before].every((given) => given === undefined)) {
      throw new InvalidArgument('all', 'must be true to clear everything; else give session, agent, kinds or before')
    }
    const { count, fields } = await counted(caller, selection)
    if (count + fields === 0) return answer(false, count, fields, { reason: 'nothing fits' })
    const shown = { ...selection, project: caller.project ?? selection.project, count, fields }
    if (!caller.canBeAsked) {
      const wrong = confirm === undefined ? 'nothing was cleared yet' : door.confirmations.refuse(confirm, shown)
      return wrong === undefined ? clear(caller, selection) : answer(false, count, fields, { confirm: door.confirmations.token(shown), reason: wrong })
    }
    // Whoever has a user asks the user: a token in the hands of the model would be a way around.
    const state = mcpReq.requestState<string>()
    if (state !== undefined && door.confirmations.refuse(state, shown) === undefined) {
      if (acceptedContent(mcpReq.inputResponses, 'confirm', yes)?.confirm === true) return clear(caller, selection)
      if (inputResponse(mcpReq.inputResponses, 'confirm').kind === 'elicit') return answer(false, count, fields, { reason: 'the user did not agree' })
    }
    return inputRequired({
      inputRequests: { confirm: inputRequired.elicit({ message: question(caller, selection, count, fields), requestedSchema: form }) },
      requestState: door.confirmations.token(shown),
    })
  })
}

function selectionOf({ kinds: wanted, before, all, ...scope }: Omit<Args, 'confirm'>): Parameters<Caller['memory']['forget']>[0] {
  return { scope: scopeOf(scope), all, ...(wanted !== undefined && { kinds: wanted }), ...(before !== undefined && { before }) }
}

/** The state of a session goes with it only when all of the session goes. */
function stateOf({ session, agent, kinds: wanted, before }: Omit<Args, 'confirm'>): string | undefined {
  return agent === undefined && wanted === undefined && before === undefined ? session : undefined
}

async function counted({ hive, memory }: Caller, selection: Omit<Args, 'confirm'>): Promise<{ count: number; fields: number }> {
  const { count } = await memory.forget(selectionOf(selection), { dryRun: true })
  const session = stateOf(selection)
  return { count, fields: session === undefined ? 0 : Object.keys(await hive.session(session).versions()).length }
}

async function clear({ hive, memory }: Caller, selection: Omit<Args, 'confirm'>): Promise<Answer<z.output<typeof output>>> {
  const { count } = await memory.forget(selectionOf(selection))
  const session = stateOf(selection)
  return answer(true, count, session === undefined ? 0 : await hive.session(session).clear())
}

function answer(cleared: boolean, count: number, fields: number, more: { confirm?: string; reason?: string } = {}): Answer<z.output<typeof output>> {
  const what = `${count} ${count === 1 ? 'memory' : 'memories'}${fields === 0 ? '' : ` and ${fields} ${fields === 1 ? 'field' : 'fields'} of the session`}`
  const next = more.confirm === undefined ? '' : ` It would clear ${what}. Ask the user; to do it, call again with the same arguments and confirm: "${more.confirm}" (holds for five minutes).`
  return { text: cleared ? `Cleared ${what}.` : `${(more.reason ?? '').replace(/^./, (sign) => sign.toUpperCase())}.${next}`, structured: { cleared, count, fields, ...more } }
}

function question({ project: bound }: Caller, { project = bound, session, agent, kinds: wanted, before }: Omit<Args, 'confirm'>, count: number, fields: number): string {
  const of = [
    ...(project === undefined ? [] : [`of the project ${named(project)}`]), ...(session === undefined ? [] : [`of the session ${named(session)}`]), ...(agent === undefined ? [] : [`of the agent ${named(agent)}`]),
    ...(wanted === undefined ? [] : [`(${wanted.join(', ')})`]), ...(before === undefined ? [] : [`from before ${named(before)}`]),
  ]
  return `Forget ${count} ${count === 1 ? 'memory' : 'memories'}${of.length === 0 ? ' of all projects' : ` ${of.join(' ')}`}${fields === 0 ? '' : `, and take away ${fields} ${fields === 1 ? 'field' : 'fields'} of its state`}? Memories can be brought back.`
}
