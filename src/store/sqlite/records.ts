import type { Clock } from '../../kernel/clock.ts'
import { InvalidArgument } from '../../kernel/errors.ts'
import type { Records, StoredRecord, WriteResult } from '../ports.ts'
import type { Client } from './client.ts'
import type { StoredValue, StoredWrite } from './worker/records.ts'

const defaultPage = 1_000

export function createRecords(client: Client, clock: Clock): Records {
  const now = (): number => Math.trunc(clock.now())

  return {
    async get(key) {
      const [stored] = await client.call('getRecords', { keys: [key], now: now() })
      return decode(stored)
    },
    async getMany(keys) {
      const stored = await client.call('getRecords', { keys, now: now() })
      return stored.map(decode)
    },
    async put(key, value, options = {}) {
      const json = encodeValue('value', value)
      return result(await client.call('putRecord', { key, value: json, expect: options.expect, ttlMs: options.ttlMs, now: now() }, json.length))
    },
    async delete(key, options = {}) {
      return result(await client.call('deleteRecord', { key, expect: options.expect, now: now() }))
    },
    expire: (key, ttlMs) => client.call('expireRecord', { key, ttlMs, now: now() }),
    scan: (prefix, options = {}) => client.call('scanRecords', { prefix, cursor: options.cursor, limit: options.limit ?? defaultPage, now: now() }),
  }
}

/** JSON of a value to be stored. What JSON has no form for (undefined, a function) is refused, not dropped. */
export function encodeValue(field: string, value: unknown): string {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new InvalidArgument(field, 'has no form in JSON: store a plain value')
  return json
}

function decode(stored: StoredValue | undefined): StoredRecord | undefined {
  return stored === undefined ? undefined : { value: JSON.parse(stored.value), version: stored.version }
}

function result(written: StoredWrite): WriteResult {
  return written.ok ? written : { ok: false, reason: 'conflict', current: decode(written.current) }
}
