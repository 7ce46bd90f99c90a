import type { DataOf } from '../../messages/map.ts'
import type { Process } from '../machine.ts'
import type { SimNode } from '../node.ts'
import type { Report } from './report.ts'

/** One message of the bus that must arrive: the `n`-th of a life of its node. */
export interface Told {
  node: string
  life: number
  n: number
}

/** What one life of a node has heard. */
interface Listener {
  node: string
  process: Process
  /** Last number heard of each life of each node. */
  heard: Map<string, number>
  /** Nodes of which it was told, since it last heard of them, that messages are lost. */
  resynced: Set<string>
}

/**
 * Messages of the bus that must arrive do so once and in the order of their sender, or it is told that some are lost: because
 * the server lost them, or because their sender was restarted, and for no other reason.
 */
export class Bulletins {
  readonly #listeners: Listener[] = []
  /** Of each node: its newest life, the last number that life told, and whether it is its last word. */
  readonly #sent = new Map<string, { life: number; n: number; last: boolean }>()
  #losses = 0

  constructor(private readonly report: Report, private readonly nodes: readonly SimNode[]) {}

  lost(): void {
    this.#losses++
  }

  sent(message: Told, last: boolean): void {
    this.#sent.set(message.node, { life: message.life, n: message.n, last })
  }

  listener(node: string, process: Process): { heard(message: Told): void; resync(resync: DataOf<'bus.resync'>): void } {
    const listener: Listener = { node, process, heard: new Map(), resynced: new Set() }
    this.#listeners.push(listener)
    return {
      heard: (message) => this.#heard(listener, message),
      resync: (resync) => this.#resync(listener, resync),
    }
  }

  /** Nodes that have not heard the last word of another. */
  unheard(): string[] {
    const alive = this.#listeners.filter(({ process }) => process.alive)
    return [...this.#sent].flatMap(([node, { life, n, last }]) => {
      if (!last) return [`${node} has more to tell`]
      return alive.flatMap(({ node: other, heard }) => (heard.get(`${node} ${life}`) === n ? [] : [`${other} has not heard the last word of ${node}`]))
    })
  }

  #heard({ node: self, heard, resynced }: Listener, { node, life, n }: Told): void {
    const key = `${node} ${life}`
    const last = heard.get(key)
    if (last !== undefined && n <= last) this.report('must-arrive', `${self} heard ${n} of ${key} after ${last}`)
    if (last !== undefined && n > last + 1 && !resynced.has(node)) this.report('must-arrive', `${self} heard ${n} of ${key} after ${last}, and was not told that some are lost`)
    heard.set(key, n)
    resynced.delete(node)
  }

  #resync({ node: self, resynced }: Listener, { reason, origin }: DataOf<'bus.resync'>): void {
    const caused = reason === 'missing' ? this.#losses > 0 : reason === 'restarted' ? this.nodes.some(({ name, starts }) => name === origin && starts > 1) : false
    if (!caused) this.report('must-arrive', `${self} was told that messages of ${origin ?? 'somebody'} are lost (${reason}), which they are not`)
    if (origin !== undefined) resynced.add(origin)
  }
}
