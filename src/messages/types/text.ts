import { z } from 'zod'
import { defineMessage, type MessagesOf } from '../define.ts'

export const textMessages = [
  defineMessage('text', z.object({
    text: z.string().describe('what is said'),
  }), { kind: 'content', about: 'Plain talk in a room; needs no definition of its own.' }),
] as const

declare module '../map.ts' {
  interface MessageMap extends MessagesOf<typeof textMessages> {}
}
