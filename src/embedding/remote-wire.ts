import { z } from 'zod'
import { catalogue } from '../store/keys.ts'

/** What a node without a model asks one that has the role. No text: only which model it has. */
const request = z.object({
  id: z.string(),
  /** The node that hears the reply. */
  from: z.string(),
  /** The model that the vectors have to be of. */
  model: z.string().optional(),
  purpose: z.enum(['query', 'passage']),
  texts: z.array(z.string()),
})

const reply = z.discriminatedUnion('kind', [
  /** Said again and again: it is alive and at work. */
  z.object({ id: z.string(), kind: z.literal('working') }),
  z.object({ id: z.string(), kind: z.literal('refused'), problem: z.string() }),
  z.object({
    id: z.string(), kind: z.literal('answered'), model: z.string(), dimension: z.number().int().min(1), maxTokens: z.number().int().min(1),
    /** float32, little-endian, one vector after the other, as base64. */
    vectors: z.string(),
  }),
])

export type RemoteRequest = z.output<typeof request>
export type RemoteReply = z.output<typeof reply>
export type RemoteAnswer = Extract<RemoteReply, { kind: 'answered' }>

/** What a node has to offer for others to ask it. */
export const embeddingRole = 'embedding'
/** How often a node says that it is at work, and after what silence it is taken for gone; ms. */
export const workingMs = 1_000
export const silenceMs = 3_500

export const requestChannel = (node: string): string => catalogue.channel.build(`embed.${node}`)
export const replyChannel = (node: string): string => catalogue.channel.build(`embedded.${node}`)

/** Undefined for what is none: anybody can publish on a channel. */
export const readRequest = (payload: string): RemoteRequest | undefined => read(request, payload)
export const readReply = (payload: string): RemoteReply | undefined => read(reply, payload)

function read<Shape extends z.ZodType>(shape: Shape, payload: string): z.output<Shape> | undefined {
  try {
    return shape.safeParse(JSON.parse(payload)).data
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
