import type { Contents } from './channel.ts'
import type { ProductOptions } from './product.ts'
import type { Layout } from './product-layout.ts'
import type { Tabulated } from './tabulated.ts'

type Parts = readonly Tabulated<any, any, any>[]

/** What the parts never did, each under its part's name. */
export function coverageOf(parts: Parts): { neverTaken: string[]; neverEntered: string[] } {
  const all = parts.map((part) => ({ name: part.name, ...part.stepper.coverage() }))
  const named = (key: 'neverTaken' | 'neverEntered'): string[] => all.flatMap((coverage) => coverage[key].map((entry) => `${coverage.name}: ${entry}`))
  return { neverTaken: named('neverTaken'), neverEntered: named('neverEntered') }
}

/** What a pass of this product leans on. */
export function assumptionsOf(options: ProductOptions<any>, { horizon, channelNames }: Layout, parts: Parts, contents: readonly Contents[]): string[] {
  return [
    ...parts.flatMap((part) => part.stepper.assumptions.map((assumption) => `${part.name}: ${assumption}`)),
    ...(horizon === Infinity ? [] : [`only the first ${horizon} ticks are looked at`]),
    ...(options.symmetry ?? []).map((group) => `${group.join(', ')} are alike: what differs only in which is which was looked at once`),
    ...channelNames.filter((_, index) => contents[index]!.wasFull).map((name) => {
      const { capacity, lose } = options.channels![name]!
      return `channel "${name}" was full (${capacity}): ${lose > 0 ? 'what was sent then is lost' : 'senders wait for it'}`
    }),
  ]
}
