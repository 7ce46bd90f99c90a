import { createHash, timingSafeEqual } from 'node:crypto'
import { InvalidConfig } from '../kernel/errors.ts'

export interface Door {
  host: string
  port: number
  apiKey?: string | undefined
}

export type Refusal = { status: 401 | 403; code: string; message: string }

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether an address is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** An open door to other machines needs a key. Throws `InvalidConfig`. */
export function checkDoor(door: Door): void {
  if (!isLoopback(door.host) && door.apiKey === undefined) {
    throw new InvalidConfig('http.apiKey', `listening on ${door.host} lets other machines in: set HIVEMIND_HTTP_API_KEY (16 characters or more), or listen on 127.0.0.1`)
  }
}

/**
 * Who may call: the key when there is one; on this machine's own address only requests that name it (a web page that
 * points a name of its own at 127.0.0.1 does not), and never a page of another origin.
 */
export function admit(door: Door, headers: { host?: string | undefined; origin?: string | undefined; authorization?: string | undefined }, needsKey: boolean): Refusal | undefined {
  if (isLoopback(door.host) && !loopbackNames.has(hostName(headers.host ?? '')) && hostName(headers.host ?? '') !== door.host) {
    return { status: 403, code: 'host_refused', message: `the Host header must name this machine (127.0.0.1 or localhost), not ${JSON.stringify(headers.host ?? '')}` }
  }
  if (headers.origin !== undefined && originHost(headers.origin) !== headers.host) {
    return { status: 403, code: 'origin_refused', message: 'requests of web pages of another origin are refused' }
  }
  if (needsKey && door.apiKey !== undefined && !sameSecret(bearer(headers.authorization), door.apiKey)) {
    return { status: 401, code: 'key_refused', message: 'send the API key as "Authorization: Bearer KEY"' }
  }
  return undefined
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function bearer(authorization: string | undefined): string {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? ''
}

/** Takes as long for a wrong secret as for the right one, whatever its length. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}
