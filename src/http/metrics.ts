import type { Hive } from '../hive.ts'
import type { TreeNode } from '../kernel/types.ts'

export interface Metrics {
  readonly contentType: string
  /** The Prometheus text format. */
  read(): Promise<string>
}

/** The metrics of a node for Prometheus: the process, its actors, and what the hive counts. */
export async function createMetrics(hive: Hive): Promise<Metrics> {
  const { collectDefaultMetrics, Gauge, Registry } = (await import('prom-client')).default
  const registry = new Registry()
  registry.setDefaultLabels({ node: hive.node.id })
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({ name: `hivemind_${name}`, help, registers: [registry], collect() { this.set(read()) } })
  }
  gauge('actors', 'running actors', () => count(hive.system.tree(), () => 1) - 1)
  gauge('actor_restarts', 'restarts of the actors that are running', () => count(hive.system.tree(), (node) => node.restarts))
  gauge('actor_messages_waiting', 'messages in mailboxes', () => count(hive.system.tree(), (node) => node.mailbox))
  gauge('actor_messages_handled', 'messages the running actors have handled', () => count(hive.system.tree(), (node) => node.handled))
  gauge('dead_letters_total', 'messages no actor handled', () => hive.system.deadLetters.total)
  for (const name of Object.keys(hive.metrics())) gauge(metricName(name), name, () => hive.metrics()[name] ?? 0)
  return { contentType: registry.contentType, read: () => registry.metrics() }
}

function count(node: TreeNode, of: (node: TreeNode) => number): number {
  return node.children.reduce((sum, child) => sum + count(child, of), of(node))
}

function metricName(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_').toLowerCase()
}
