import type { Fault } from './faults.ts'
import type { Weather } from './network.ts'
import type { SimNode } from './node.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimServer } from './server/server.ts'
import type { Trace } from './trace.ts'

export interface Victims {
  scheduler: Scheduler
  trace: Trace
  nodes: readonly SimNode[]
  server: SimServer
  weather(machine: string): Weather
  start(node: SimNode): void
  kill(node: SimNode): void
}

/** Most of what a server that is synced every second may lose, ms. */
const everysecMs = 1_000

/** Sets up a fault, and its end. */
export function inflict(fault: Fault, victims: Victims): void {
  const { scheduler, trace, server } = victims
  const node = victims.nodes[fault.node] as SimNode
  const { kind, strength, ms } = fault
  const weather = victims.weather(node.name)
  trace.add(scheduler.now, kind === 'away' || kind === 'server' ? 'server' : node.name, `fault #${fault.id} ${kind}`)
  /** Undoes it, unless a later fault of the kind has set something else meanwhile. */
  const set = <Key extends keyof Weather>(key: Key, value: number): void => {
    weather[key] = value
    scheduler.after(ms, () => {
      if (weather[key] === value) weather[key] = 0
    })
  }
  switch (kind) {
    case 'cut':
      return node.life?.connection.break('cut')
    case 'partition':
      weather.blockedUntil = Math.max(weather.blockedUntil, scheduler.now + ms)
      return
    case 'slow':
      set('slow', 0.02 + strength * 0.3)
      return set('slowMs', 20 + strength * 1_500)
    case 'lossy':
      set('publicationLost', strength * 0.5)
      set('publicationTwice', strength * 0.3)
      return set('publicationLate', strength * 0.5)
    case 'crash':
      victims.kill(node)
      scheduler.after(ms, () => {
        if (node.life === undefined) victims.start(node)
      })
      return
    case 'pause':
      return node.life?.process.pause(ms)
    case 'clock':
      return node.machine.jump((strength - 0.5) * 20_000)
    case 'disk': {
      const slow = 1 + strength * 100
      node.disk.delayMs = slow
      scheduler.after(ms, () => {
        if (node.disk.delayMs === slow) node.disk.delayMs = 0.05
      })
      return
    }
    case 'away':
    case 'server': {
      if (!server.up) return
      const lost = server.crash(kind === 'server' ? strength * everysecMs : -1)
      for (const { life } of victims.nodes) life?.connection.break('the server is gone')
      scheduler.after(ms, () => {
        server.restart()
        trace.add(scheduler.now, 'server', `restarted, ${lost} writes lost`)
      })
    }
  }
}
