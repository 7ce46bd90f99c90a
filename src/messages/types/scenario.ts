import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'

const scenario = z.string().describe('name of the scenario')
const ok = z.boolean().describe('whether all expectations held')

export const scenarioMessages = [
  defineMessage('scenario.started', z.object({ scenario }), { delivery: 'local', about: 'A scenario began to run on this node.' }),
  defineMessage('scenario.step-finished', z.object({ scenario, step: z.string().describe('name of the step'), ms: z.number().nonnegative().describe('how long it took, ms') }), { delivery: 'local', about: 'One step of a scenario is done.' }),
  defineMessage('scenario.finished', z.object({ scenario, ok }), { delivery: 'local', about: 'A scenario ended and has its report.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof scenarioMessages> {}
}
