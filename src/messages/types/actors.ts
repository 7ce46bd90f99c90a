import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'
import { actor, code, incarnation, problem } from './fields.ts'

const local = 'local'

export const actorMessages = [
  defineMessage('actor.started', z.object({ actor, incarnation }), { delivery: local, about: 'An actor began a life and takes messages.' }),
  defineMessage('actor.crashed', z.object({ actor, incarnation, code, message: problem }), { delivery: local, about: 'An actor failed; its supervisor decides what follows.' }),
  defineMessage('actor.restarted', z.object({
    actor,
    incarnation,
    restarts: z.number().int().positive().describe('restarts within the present window'),
  }), { delivery: local, about: 'An actor was started again after a failure.' }),
  defineMessage('actor.stopped', z.object({ actor, incarnation, reason: z.string().describe('why it stopped') }), { delivery: local, about: 'An actor ended for good.' }),
  defineMessage('actor.escalated', z.object({ actor, restarts: z.number().int().nonnegative().describe('restarts within the window'), code, message: problem }), { delivery: local, about: 'An actor failed more often than its restart intensity allows.' }),
  defineMessage('deadletter.added', z.object({
    actor,
    type: z.string().describe('type of the message'),
    reason: z.string().describe('why it was not handled'),
  }), { delivery: local, about: 'A message could not be delivered or handled; it is kept and can be replayed.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof actorMessages> {}
}
