import { isProvisional } from '../store/outage/local-records.ts'
import type { Leases, Records, StoredRecord } from '../store/ports.ts'
import { leaseModel, unknownLease } from './checks/leases.ts'
import type { LeaseCall, LeaseState } from './checks/leases.ts'
import { isLinearizable } from './checks/linearizable.ts'
import type { Operation } from './checks/linearizable.ts'
import { recordModel } from './checks/records.ts'
import type { RecordCall } from './checks/records.ts'
import type { SimServer } from './server/server.ts'

/** Calls of records and leases as their callers saw them, to be held against one order in which they could have happened. */
export class Histories {
  readonly #records = new Map<string, { init: StoredRecord | undefined; calls: Operation<RecordCall>[] }>()
  readonly #leases = new Map<string, { init: LeaseState; calls: Operation<LeaseCall>[] }>()
  /** Counts the losses of the server: what spans one tells nothing. */
  #losses = 0

  constructor(private readonly now: () => number, private readonly server: Pick<SimServer, 'look' | 'inspect'>) {}

  /** The server lost its last writes: from here on, what it has left counts. Writes that nobody is sure of may still come. */
  lost(): void {
    this.#losses++
    for (const [key, history] of this.#records) {
      history.init = this.server.look(key)
      history.calls = history.calls.filter(({ to }) => to === Infinity)
    }
    for (const [name, history] of this.#leases) {
      const held = this.server.inspect(name)
      const until = this.now() + (held?.remainingMs ?? 0)
      const last = Math.max(history.init.last, ...history.calls.map(({ call }) => (call.kind === 'acquire' ? call.fence ?? 0 : 0)))
      history.init = { holder: held?.holder, fence: held?.fence ?? 0, last, soonest: until, latest: until, wild: false }
      history.calls = history.calls.filter(({ to }) => to === Infinity)
    }
  }

  /** `changes` counts how often the link of the caller changed: what it says in between may come from its own copy. */
  records(records: Records, link: () => { connected: boolean; changes: number }): Pick<Records, 'get' | 'put' | 'delete'> {
    const write = async <Result extends Awaited<ReturnType<Records['put']>>>(key: string, value: unknown, expect: number | undefined, work: () => Promise<Result>): Promise<Result> => {
      const from = this.now()
      const losses = this.#losses
      const before = link()
      // Its writer may die before it is told.
      const operation: Operation<RecordCall> = { call: { kind: 'unsure', value }, from, to: Infinity }
      this.#record(key, operation)
      const result = await work()
      const after = link()
      const steady = before.connected && after.connected && before.changes === after.changes && losses === this.#losses
      // Sent, and journalled because its answer was lost: without a version to compare with, what still travels may overwrite what came after.
      if (!steady && before.connected && expect === undefined) this.#record(key, { ...operation })
      if (steady && !(result.ok && isProvisional(result.version))) Object.assign(operation, { call: { kind: 'write', value, expect, result }, to: this.now() })
      return result
    }
    return {
      get: async (key) => {
        const from = this.now()
        const losses = this.#losses
        const before = link()
        const result = await records.get(key)
        const after = link()
        if (before.connected && after.connected && before.changes === after.changes && losses === this.#losses) {
          this.#record(key, { call: { kind: 'get', result }, from, to: this.now() })
        }
        return result
      },
      put: (key, value, options) => write(key, value, options?.expect, () => records.put(key, value, options)),
      delete: (key, options) => write(key, undefined, options?.expect, () => records.delete(key, options)),
    }
  }

  leases(leases: Leases): Leases {
    const told = async <Result>(name: string, work: Promise<Result>, call: (result: Result | undefined, unsure: boolean) => LeaseCall): Promise<Result> => {
      const losses = this.#losses
      const operation: Operation<LeaseCall> = { call: call(undefined, true), from: this.now(), to: Infinity }
      const history = this.#leases.get(name) ?? { init: unknownLease, calls: [] }
      this.#leases.set(name, history)
      history.calls.push(operation)
      const result = await work
      if (losses === this.#losses) Object.assign(operation, { call: call(result, false), to: this.now() })
      return result
    }
    return {
      acquire: (name, holder, ttlMs) => told(name, leases.acquire(name, holder, ttlMs), (grant, unsure) => ({ kind: 'acquire', holder, ttlMs, fence: grant?.fence, unsure })),
      renew: (name, holder, fence, ttlMs) => told(name, leases.renew(name, holder, fence, ttlMs), (grant, unsure) => ({ kind: 'renew', holder, fence, ttlMs, ok: grant !== undefined, unsure })),
      release: (name, holder, fence) => told(name, leases.release(name, holder, fence), (ok, unsure) => ({ kind: 'release', holder, fence, ok: ok === true, unsure })),
      inspect: (name) => leases.inspect(name),
    }
  }

  /** Keys whose history could not have happened. */
  impossible(): string[] {
    return [
      ...[...this.#records].filter(([, { init, calls }]) => !isLinearizable(calls, recordModel(init))).map(([key]) => `record ${key}`),
      ...[...this.#leases].filter(([, { init, calls }]) => !isLinearizable(calls, leaseModel(init))).map(([name]) => `lease ${name}`),
    ]
  }

  #record(key: string, operation: Operation<RecordCall>): void {
    const history = this.#records.get(key) ?? { init: undefined, calls: [] }
    this.#records.set(key, history)
    history.calls.push(operation)
  }
}
