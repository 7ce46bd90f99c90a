import type { Bus } from './bus/bus.ts'
import type { ActorSystem, TreeNode } from './kernel/types.ts'
import type { OutageLink } from './store/outage/open.ts'

export interface Health {
  /** The node can do its work: `state` is not `failed`. */
  ok: boolean
  /** `degraded`: it works, but something is not as it should be. */
  state: 'ready' | 'degraded' | 'failed'
  /** In plain words, the gravest first. */
  problems: readonly string[]
}

export interface HealthOptions {
  system: ActorSystem
  bus: Bus
  /** Id of the supervisor of the standard actors. */
  standard: string
  /** Of the shared store, when there is one. */
  link(): OutageLink | undefined
  superseded(): boolean
}

/** A handler that runs for longer than this counts as stuck. */
const stuckMs = 60_000
const mostGivenUp = 100

/** Reads the health of a node off its supervision tree. */
export function createHealth({ system, bus, standard, link, superseded }: HealthOptions) {
  /** Actors that were given up and have not been started anew since; the oldest are forgotten. */
  const givenUp = new Set<string>()
  const counts = { crashes: 0, restarts: 0, escalations: 0, deadLetters: 0 }
  const subscriptions = [
    bus.on('actor.crashed').subscribe(() => counts.crashes++),
    bus.on('actor.restarted').subscribe(() => counts.restarts++),
    bus.on('deadletter.added').subscribe(() => counts.deadLetters++),
    bus.on('actor.started').subscribe(({ data }) => givenUp.delete(data.actor)),
    bus.on('actor.escalated').subscribe(({ data }) => {
      counts.escalations++
      givenUp.add(data.actor)
      const [oldest] = givenUp
      if (givenUp.size > mostGivenUp && oldest !== undefined) givenUp.delete(oldest)
    }),
  ]

  function read(): Health {
    const failures = superseded() ? ['another process took over the id of this node'] : []
    const supervisor = system.tree().children.find(({ id }) => id === standard)
    if (supervisor === undefined || !supervisor.state.startsWith('running')) failures.push(`the standard actors are ${supervisor?.state ?? 'not running'}`)
    else for (const child of supervisor.children) if (!child.state.startsWith('running')) failures.push(`"${child.id}" is ${child.state}`)
    const warnings = [
      ...describeLink(link()),
      ...[...givenUp].map((id) => `"${id}" failed too often and was given up`),
      ...system.stuck(stuckMs).map(({ id, busyMs }) => `"${id}" has been busy with one message for ${Math.round((busyMs ?? 0) / 1000)} s`),
    ]
    return { ok: failures.length === 0, state: failures.length > 0 ? 'failed' : warnings.length > 0 ? 'degraded' : 'ready', problems: [...failures, ...warnings] }
  }

  return {
    read,
    actors: () => count(system.tree(), () => 1) - 1,
    figures(): Record<string, number> {
      const tree = system.tree()
      return {
        'actors.running': count(tree, () => 1) - 1,
        'actors.waiting': count(tree, ({ mailbox }) => mailbox),
        'actors.handled': count(tree, ({ handled }) => handled),
        'actors.crashes': counts.crashes,
        'actors.restarts': counts.restarts,
        'actors.escalations': counts.escalations,
        'actors.deadLetters': counts.deadLetters,
      }
    },
    stop: () => subscriptions.forEach((subscription) => subscription.unsubscribe()),
  }
}

function describeLink(link: OutageLink | undefined): string[] {
  if (link === undefined || link.state === 'connected') return []
  const waiting = `${link.journal.items} writes wait in the outage journal`
  return [link.state === 'syncing' ? `the shared store is back: ${waiting}` : `the shared store is away (${link.reason ?? 'not reached yet'}): ${waiting}`]
}

function count(node: TreeNode, of: (node: TreeNode) => number): number {
  return node.children.reduce((sum, child) => sum + count(child, of), of(node))
}
