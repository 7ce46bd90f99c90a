import type { Bus } from '../../src/bus/bus.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { InvalidArgument } from '../../src/kernel/errors.ts'
import { createLeaseHolder, type LeaseHolder } from '../../src/store/lease-holder.ts'
import type { Leases, Stoppable } from '../../src/store/ports.ts'

export interface RoleHandlers {
  /** The role is ours. Writes made in its name carry the fence. `signal` aborts when it is ours no more. */
  onGained(fence: number, signal: AbortSignal): void
  /** It is not; also called when a held role is given back. */
  onLost(): void
}

export interface Roles {
  /** Asks for the role until stopped (once per role): taken as soon as nobody else has it, also when its holder died. */
  hold(role: string, handlers: RoleHandlers): Stoppable
  /** Roles this node has now. */
  held(): { role: string; fence: number }[]
  stop(): Promise<void>
}

export const roleLease = (role: string): string => `role:${role}`

export function createRoles(options: { node: string; leases: Leases; bus: Bus; clock: Clock; ttlMs: number; onFailure(error: unknown): void }): Roles {
  const { node, bus } = options
  const holders = new Map<LeaseHolder, string>()

  return {
    hold(role, handlers) {
      if ([...holders.values()].includes(role)) throw new InvalidArgument('role', `this node asks for "${role}" already`)
      const holder = createLeaseHolder({ leases: options.leases, name: roleLease(role), holder: node, clock: options.clock, ttlMs: options.ttlMs, onFailure: options.onFailure })
      holders.set(holder, role)
      let gained: number | undefined
      holder.onChange((fence) => {
        if (fence !== undefined) {
          gained = fence
          handlers.onGained(fence, holder.signal)
          bus.publish('node.role-acquired', { node, role, fence })
        } else if (gained !== undefined) {
          const lost = gained
          gained = undefined
          handlers.onLost()
          bus.publish('node.role-lost', { node, role, fence: lost })
        }
      })
      return {
        async stop() {
          await holder.stop()
          holders.delete(holder)
        },
      }
    },
    held: () => [...holders].flatMap(([{ fence }, role]) => (fence === undefined ? [] : [{ role, fence }])),
    async stop() {
      await Promise.all([...holders.keys()].map((holder) => holder.stop()))
      holders.clear()
    },
  }
}
