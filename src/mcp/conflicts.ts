import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Conflict, KeptConflict } from '../hive.ts'
import { ConflictUnknown, InvalidArgument } from '../kernel/errors.ts'
import { fromKeyPart } from '../store/keys.ts'
import type { Door } from './caller.ts'
import { asData, timeOf } from './describe.ts'
import { fit, named, quoted } from './quote.ts'
import { maxTokens } from './recall.ts'
import { addTool } from './tool.ts'

const input = z.strictObject({
  id: z.string().max(200).optional().describe('Settle this conflict; without it all are listed'),
  keep: z.enum(['ours', 'theirs', 'both']).optional().describe('ours: what was written here while the shared store was away; theirs: what the others wrote; both: ours becomes a record of its own'),
  max_tokens: maxTokens,
})
const output = z.object({
  conflicts: z.array(z.object({ id: z.string(), of: z.string(), at: z.string(), ours: z.string(), theirs: z.string() })),
  left_out: z.number().int(),
  resolved: z.string().optional(),
})

type OfDocument = KeptConflict & { conflict: Extract<Conflict, { kind: 'document' }> }

export function addConflicts(server: McpServer, door: Door): void {
  addTool(server, door, {
    name: 'memory_conflicts', title: 'Conflicts', input, output,
    description: 'Memories and session fields that two sides changed apart while the shared store was away. Both versions are kept until one is chosen: nothing was overwritten. '
      + 'Lists them, or with id and keep settles one. What is not kept is lost: ask the user when the sides really differ.',
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  }, async ({ hive, project }, { id, keep, max_tokens: tokens }, ctx) => {
    if ((id === undefined) !== (keep === undefined)) throw new InvalidArgument(id === undefined ? 'id' : 'keep', 'must be given: id and keep settle a conflict together')
    const seen = async (): Promise<OfDocument[]> => (await hive.conflicts.list()).filter((kept): kept is OfDocument => isSeen(kept, project))
    if (id !== undefined && keep !== undefined) {
      if (!(await seen()).some((kept) => kept.id === id)) throw new ConflictUnknown(id)
      await hive.conflicts.resolve(id, keep, ctx.mcpReq.signal)
    }
    const found = (await seen()).map((kept) => ({ ...kept, text: sides(kept).join('\n') }))
    const { shown, leftOut } = fit(found, tokens)
    return {
      text: [
        ...(id === undefined ? [] : [`Settled ${id}: ${keep} kept.`]),
        found.length === 0 ? 'There are no conflicts.' : `${found.length} open${leftOut > 0 ? `, ${leftOut} of them not shown (max_tokens)` : ''}. ${asData}`,
        ...shown.map(({ item, text }) => `${item.id}  ${subjectOf(item)}  ${timeOf(item.at)}\n${quoted(text)}`),
      ].join('\n\n'),
      structured: {
        left_out: leftOut, ...(id !== undefined && { resolved: id }),
        conflicts: shown.map(({ item, cut }) => {
          const [ours, theirs] = sides(item).map((side) => (cut === undefined ? side : side.slice(0, 200))) as [string, string]
          return { id: item.id, of: subjectOf(item), at: timeOf(item.at), ours, theirs }
        }),
      },
    }
  })
}

/** A client bound to a project sees its memories and the state of sessions, and no other record of the hive. */
function isSeen({ conflict }: KeptConflict, project: string | undefined): boolean {
  if (conflict.kind !== 'document') return false
  const projects = [conflict.ours.value, conflict.theirs?.value].flatMap((value) => (isMemory(value) ? [value.project ?? ''] : []))
  return project === undefined || projects.every((of) => of === project)
}

function isMemory(value: unknown): value is { text: string; project?: string } {
  return typeof value === 'object' && value !== null && 'trust' in value && 'text' in value
}

function sides({ conflict: { ours, theirs } }: OfDocument): [ours: string, theirs: string] {
  const shown = (value: unknown): string => (value === undefined ? '(deleted)' : JSON.stringify(value))
  return [`ours: ${shown(ours.value)}`, `theirs: ${shown(theirs?.value)}`]
}

function subjectOf({ subject }: KeptConflict): string {
  return named(fromKeyPart(subject))
}
