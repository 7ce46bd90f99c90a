import { defineMessage, z } from 'hivemind'
import type { MessageType } from 'hivemind'

export type DataIn<T> = T extends MessageType<string, infer Data> ? Data : never

const number = z.number().int().nonnegative()
const phase = z.enum(['before', 'during', 'after'])

export const said = defineMessage('outage.said', z.object({ number, phase }), { delivery: 'local', about: 'One post under load.' })
export const counted = defineMessage('outage.counted', z.object({ number, phase, attempt: number }), { delivery: 'local', about: 'The effect of one post.' })

export const outageMessages = [said, counted]
export type Phase = z.output<typeof phase>

/** How the other node is told what to do, as the arguments of its process. */
export interface OtherTask {
  redis: string
  dataDir: string
  /** The record both sides write while they are apart. */
  key: string
}

export type OtherOrder = { type: 'write'; value: unknown } | { type: 'conflicts' } | { type: 'stop' }
export type OtherReport = { type: 'ready' } | { type: 'lost' } | { type: 'drained' } | { type: 'written' } | { type: 'conflicts'; conflicts: unknown[] } | { type: 'failed'; message: string }
