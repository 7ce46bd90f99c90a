import type { LinkEvent, RedisLink } from '../../../src/store/redis/open.ts'

/** Settles with the next event of the link that is of this type. */
export function nextEvent<Type extends LinkEvent['type']>(link: RedisLink, type: Type): Promise<Extract<LinkEvent, { type: Type }>> {
  return new Promise((resolve) => {
    const off = link.on((event) => {
      if (event.type !== type) return
      off()
      resolve(event as Extract<LinkEvent, { type: Type }>)
    })
  })
}
