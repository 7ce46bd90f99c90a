import { HivemindError, messageOf } from '../kernel/errors.ts'
import type { KernelEvent } from '../kernel/types.ts'
import type { Bus } from './bus.ts'

/** Tells the bus what happens to the actors of this node. Pass the result as `onEvent` of the actor system. */
export function kernelEventsOn(bus: Bus): (event: KernelEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'actor.started': return void bus.publish(event.type, { actor: event.id, incarnation: event.incarnation })
      case 'actor.crashed': return void bus.publish(event.type, { actor: event.id, incarnation: event.incarnation, ...problemOf(event.error) })
      case 'actor.restarted': return void bus.publish(event.type, { actor: event.id, incarnation: event.incarnation, restarts: event.restarts })
      case 'actor.stopped': return void bus.publish(event.type, { actor: event.id, incarnation: event.incarnation, reason: event.reason })
      case 'actor.escalated': return void bus.publish(event.type, { actor: event.id, restarts: event.restarts, ...problemOf(event.error) })
      case 'deadletter.added': return void bus.publish(event.type, { actor: event.letter.target, type: event.letter.message.type, reason: event.letter.reason })
    }
  }
}

function problemOf(error: unknown): { code: string; message: string } {
  return { code: error instanceof HivemindError ? error.code : 'unexpected', message: messageOf(error) }
}
