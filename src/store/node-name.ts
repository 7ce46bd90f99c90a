import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { InvalidConfig } from '../kernel/errors.ts'
import type { Clock, Randomness } from '../kernel/clock.ts'
import { createLeaseHolder, type LeaseHolder } from './lease-holder.ts'
import { nameLease } from './outage/open.ts'
import type { Leases, Stoppable } from './ports.ts'

export interface NodeNameOptions {
  /** Of the data folder: processes that share it tell each other apart here. */
  leases: Leases
  dataDir: string
  /** The configured name; without it one of the folder's pool is taken. */
  wanted?: string
  clock: Clock
  randomness: Randomness
  ttlMs?: number
  onFailure?: (error: unknown) => void
}

export interface NodeName extends Stoppable {
  readonly name: string
}

/** Processes on one folder that go without a configured name. */
const poolSize = 256

/**
 * Claims the name of this process: the same after a restart (even after kill -9: whoever holds it is looked up by its process id),
 * another one for a second process on the folder. Throws `InvalidConfig` when the configured name is in use.
 */
export async function claimNodeName(options: NodeNameOptions): Promise<NodeName> {
  const { leases, clock, randomness, wanted, ttlMs = 15_000 } = options
  const me = `${process.pid}@${hostname()}/${randomness.id()}`
  const base = `${hostname().replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[^A-Za-z0-9]/, 'n')}-${createHash('sha256').update(resolve(options.dataDir)).digest('hex').slice(0, 6)}`
  const candidates = wanted === undefined ? Array.from({ length: poolSize }, (_, index) => (index === 0 ? base : `${base}-${index + 1}`)) : [wanted]
  for (const name of candidates) {
    await releaseDead(leases, nameLease(name))
    if ((await leases.acquire(nameLease(name), me, ttlMs)) === undefined) continue
    const holder: LeaseHolder = createLeaseHolder({ leases, name: nameLease(name), holder: me, clock, ttlMs, onFailure: options.onFailure })
    await holder.held()
    return { name, stop: () => holder.stop() }
  }
  const taken = await leases.inspect(nameLease(candidates[0] as string))
  throw new InvalidConfig('node.id', `"${candidates[0]}" is in use by process ${taken?.holder.split('/')[0] ?? 'unknown'} on this data folder: stop it, give this one another id, or leave the id out`)
}

/** Frees a name whose process on this machine is gone, rather than wait until its lease runs out. */
async function releaseDead(leases: Leases, lease: string): Promise<void> {
  const held = await leases.inspect(lease)
  if (held === undefined) return
  const [process_, host] = (held.holder.split('/')[0] ?? '').split('@')
  if (host !== hostname() || isAlive(Number(process_))) return
  await leases.release(lease, held.holder, held.fence)
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
