import { keyPart } from '../keys.ts'
import type { Owner } from '../ports.ts'

/** Hash fields of a group's owner: its fence, and the prefix of its entries' attempts. Escaped, so that names cannot run together. */
export function ownerFields(group: string, owner: Owner): { fenceField: string; triesPrefix: string } {
  const part = keyPart(group)
  return { fenceField: `${part}:${keyPart(owner.name)}`, triesPrefix: `${part}:` }
}
