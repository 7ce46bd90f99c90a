import type { Channel } from './types.ts'

/** How far what comes through a channel is trusted, 0 to 1. */
export const channelTrust: Readonly<Record<Channel, number>> = { user: 1, program: 0.9, agent: 0.7, import: 0.6, tool: 0.3, web: 0.2 }

/** Below this a memory is shown to who asks for it, and put before nobody by itself. */
export const injectableTrust = 0.5

export interface Provenance {
  /** `channel` or `channel:name`. */
  source: string
  trust: number
}

/**
 * What the runtime stamps on a memory. The caller's word for its source may name a channel that is trusted less than the one it
 * comes through, so that an agent can pass on what a tool said; a channel that is trusted more is only a name.
 */
export function stamp(channel: Channel, name: string | undefined, said: string | undefined): Provenance {
  const trust = channelTrust[channel]
  const claimed = said === undefined ? undefined : channelOf(said)
  if (said !== undefined && claimed !== undefined && channelTrust[claimed] <= trust) return { source: said, trust: channelTrust[claimed] }
  const detail = [name, said].filter((part) => part !== undefined && part !== '').join('/')
  return { source: detail === '' ? channel : `${channel}:${detail}`, trust }
}

export function channelOf(source: string): Channel | undefined {
  const word = source.split(':', 1)[0]?.trim().toLowerCase() ?? ''
  return Object.hasOwn(channelTrust, word) ? (word as Channel) : undefined
}
