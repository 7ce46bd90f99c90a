import { z } from 'zod'
import { createBus, type Bus } from '../../src/bus/bus.ts'
import { createMirror, type Mirror, type MirrorOptions } from '../../src/bus/mirror.ts'
import { createCatalogue, type Catalogue } from '../../src/messages/catalogue.ts'
import { defineMessage } from '../../src/messages/define.ts'
import type { Envelope } from '../../src/messages/envelope.ts'
import type { DataOf } from '../../src/messages/map.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { Signals } from '../../src/store/ports.ts'
import { countingRandomness } from './randomness.ts'

export const happened = defineMessage('test.happened', z.object({ n: z.number(), pad: z.string().optional() }), { delivery: 'must-arrive' })
export const ticked = defineMessage('test.ticked', z.object({ n: z.number() }), { delivery: 'ephemeral' })

/** One node: a bus, its mirror, and what its observers saw. */
export interface TestNode {
  id: string
  epoch: number
  bus: Bus
  mirror: Mirror
  /** Numbers carried by the messages of other nodes, as they came. */
  happened: { origin: string; n: number }[]
  ticked: { origin: string; n: number }[]
  resyncs: DataOf<'bus.resync'>[]
  notices: Envelope[]
}

export function testCatalogue(limitBytes?: number): Catalogue {
  return createCatalogue([happened, ticked], { limitBytes })
}

export type NodeOptions = Partial<Omit<MirrorOptions, 'epoch'>> & { epoch?: number }

export async function startNode(id: string, signals: Signals, clock: Clock, options: NodeOptions = {}): Promise<TestNode> {
  const catalogue = options.catalogue ?? testCatalogue()
  const randomness = countingRandomness()
  const epoch = options.epoch ?? 1
  const bus = createBus({ catalogue, clock, randomness, source: id })
  const node: TestNode = { id, epoch, bus, mirror: createMirror({ bus, signals, catalogue, origin: id, clock, randomness, ...options, epoch: () => epoch }), happened: [], ticked: [], resyncs: [], notices: [] }
  for (const type of ['test.happened', 'test.ticked'] as const) {
    bus.on(type).subscribe(({ source, data }) => {
      if (source !== id) node[type === 'test.happened' ? 'happened' : 'ticked'].push({ origin: source, n: (data as { n: number }).n })
    })
  }
  bus.on('bus.resync').subscribe(({ data }) => node.resyncs.push(data))
  for (const type of ['bus.message-refused', 'bus.superseded'] as const) bus.on(type).subscribe((envelope) => node.notices.push(envelope))
  await node.mirror.start()
  return node
}

export function numbers(seen: readonly { n: number }[]): number[] {
  return seen.map(({ n }) => n)
}

export function happen(node: TestNode, ...ns: number[]): void {
  for (const n of ns) node.bus.publish('test.happened', { n })
}

export function tick(node: TestNode, ...ns: number[]): void {
  for (const n of ns) node.bus.publish('test.ticked', { n })
}
