import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { Embeddings, Hive } from '../hive.ts'
import { InvalidArgument, ModelUnusable } from '../kernel/errors.ts'
import { connected } from './connected.ts'
import { answerOpenAi } from './openai.ts'
import { parse } from './parse.ts'

const mostTexts = 10_000
const embedBody = z.strictObject({ text: z.string().optional(), texts: z.array(z.string()).max(mostTexts).optional(), purpose: z.enum(['query', 'passage']).optional() })

const openAiBody = z.looseObject({
  model: z.string().optional(),
  input: z.union([z.string(), z.array(z.string()).min(1).max(2048)], 'must be a string, or an array of 1 to 2048 strings; arrays of tokens are not taken'),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.number().int().optional(),
})

/** Characters of an average token, for `usage`: the models here count in pieces of their own. */
const charactersPerToken = 4

/** Vectors of texts: `POST /embed`, and `POST /v1/embeddings` for clients of OpenAI's API. */
export function addEmbeddingRoutes(server: FastifyInstance, hive: Hive): void {
  server.post('/embed', async (request, reply) => {
    const { text, texts, purpose } = parse(embedBody, request.body ?? {})
    if ((text === undefined) === (texts === undefined)) throw new InvalidArgument('text', 'give either text or texts')
    const { vectors, hashes, cached, model, dimension } = await hive.embed(texts ?? [text ?? ''], { signal: connected(reply), ...(purpose !== undefined && { purpose }) })
    if (texts === undefined) return { embedding: numbers(vectors[0]), hash: hashes[0], cached: cached[0], model, dimension }
    return { embeddings: vectors.map(numbers), hashes, cached, model, dimension }
  })
  server.post('/v1/embeddings', {
    errorHandler: (error, _request, reply) => {
      const { status, body } = answerOpenAi(error)
      if (status >= 500) hive.logger.error({ error }, 'a request failed')
      void reply.code(status).send(body)
    },
  }, (request, reply) => embedAsOpenAi(hive, request.body, reply))
}

async function embedAsOpenAi(hive: Hive, body: unknown, reply: FastifyReply): Promise<unknown> {
  const { model: asked, input, encoding_format: format, dimensions } = parse(openAiBody, body ?? {})
  const texts = typeof input === 'string' ? [input] : input
  const empty = texts.indexOf('')
  if (empty >= 0) throw new InvalidArgument(typeof input === 'string' ? 'input' : `input.${empty}`, 'must not be empty')
  const { vectors, model, dimension } = await hive.embed(texts, { signal: connected(reply) })
  if (asked !== undefined && !namesOf(hive, model).includes(asked)) throw new ModelUnusable(asked, `this node embeds with "${model}": name that, "builtin" or nothing`)
  if (dimensions !== undefined && dimensions !== dimension) throw new InvalidArgument('dimensions', `"${model}" gives ${dimension}`)
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / charactersPerToken), 0)
  return {
    object: 'list', model,
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: format === 'base64' ? base64(vector) : numbers(vector) })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

/** What the model in force may be called: its key, its name without the hash, and what the configuration calls it. */
function namesOf(hive: Hive, model: string): string[] {
  return [model, model.split('@')[0] ?? model, hive.config.embedder.model]
}

function numbers(vector: Embeddings['vectors'][number] | undefined): number[] {
  return [...(vector ?? [])]
}

/** float32, little-endian. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
