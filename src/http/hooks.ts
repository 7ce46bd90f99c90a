import type { FastifyInstance } from 'fastify'
import { handleHook } from '../claude-hooks/handle.ts'
import { parseEvent } from '../claude-hooks/event.ts'
import type { Hive } from '../hive.ts'
import { messageOf } from '../kernel/errors.ts'

export const hooksPath = '/hooks/claude-code'

/** Events of the Claude Code plugin on this machine. What takes long goes on after the answer; a node that stops waits for it. */
export function addHooks(server: FastifyInstance, hive: Hive): void {
  const running = new Set<Promise<void>>()
  server.addHook('onClose', async () => void await Promise.all(running))
  server.post(hooksPath, async (request) => {
    const event = parseEvent(request.body)
    const { output, kept } = await handleHook(hive, event)
    if (['PostToolUse', 'Stop'].includes(event.hook_event_name)) await kept
    else {
      const done: Promise<void> = kept.catch((error: unknown) => hive.logger.warn({ problem: messageOf(error), event: event.hook_event_name }, 'what a hook told was not kept')).finally(() => running.delete(done))
      running.add(done)
    }
    return { ...(output !== undefined && { output }) }
  })
}
