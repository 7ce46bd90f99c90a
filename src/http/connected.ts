import type { FastifyReply } from 'fastify'

/** Aborts when whoever waits for this answer has gone away. */
export function connected(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  return gone.signal
}
