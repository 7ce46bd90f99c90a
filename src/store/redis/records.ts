import { InvalidArgument } from '../../kernel/errors.ts'
import type { Records, StoredRecord, WriteResult } from '../ports.ts'
import { masters } from './clients.ts'
import type { Backend } from './link.ts'
import { escapeGlob } from './log-rooms.ts'

const pageKeys = 1_000
/** Scans whose keys are kept for the next page; an older one is read again. */
const keptScans = 8

/** Each record is a hash: v version, d JSON. */
export function createRecords(backend: Backend): Records {
  const { keys } = backend
  const scans = new Map<string, string[]>()

  /** Every key under the prefix, once each and sorted: the server's own cursor may give a key twice. */
  async function allKeys(prefix: string): Promise<string[]> {
    const pattern = `${escapeGlob(keys.raw(prefix))}*`
    return backend.read(async (client) => {
      const found = new Set<string>()
      for (const node of masters(client)) {
        let cursor = '0'
        do {
          const [next, page] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', pageKeys, 'TYPE', 'hash')
          cursor = next
          for (const key of page) found.add(key.slice(keys.prefix.length))
        } while (cursor !== '0')
      }
      return [...found].sort()
    })
  }

  return {
    async get(key) {
      return readRecord(await backend.read((client) => client.hmget(keys.raw(key), 'v', 'd')))
    },
    async getMany(names) {
      return (await backend.read((client) => Promise.all(names.map((name) => client.hmget(keys.raw(name), 'v', 'd'))))).map(readRecord)
    },
    async put(key, value, { expect, ttlMs } = {}) {
      const [version, current] = (await backend.run('put', [keys.raw(key)], [jsonOf(value), expect ?? '', ttlMs === undefined ? '' : Math.ceil(ttlMs)])) as [number, string?]
      return current === undefined ? { ok: true, version } : conflict(-version, current)
    },
    async delete(key, { expect } = {}) {
      const [version, current] = (await backend.run('delete', [keys.raw(key)], [expect ?? ''])) as [number, string?]
      return current === undefined ? { ok: true, version } : conflict(version, current)
    },
    async expire(key, ttlMs) {
      return (await backend.write((client) => client.pexpire(keys.raw(key), Math.ceil(ttlMs)))) === 1
    },
    async scan(prefix, { cursor, limit = 100 } = {}) {
      const name = `${prefix}\0${cursor ?? ''}`
      const all = (cursor === undefined ? undefined : scans.get(name)) ?? (await allKeys(prefix))
      scans.delete(name)
      let from = 0
      if (cursor !== undefined) while (from < all.length && all[from]! <= cursor) from++
      const page = all.slice(from, from + limit)
      const rest = all.slice(from + limit)
      if (rest.length === 0) return { keys: page }
      const last = page.at(-1) as string
      scans.set(`${prefix}\0${last}`, rest)
      if (scans.size > keptScans) scans.delete(scans.keys().next().value as string)
      return { keys: page, cursor: last }
    },
  }
}

function jsonOf(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new InvalidArgument('value', 'has no form in JSON: store a plain value')
  return json
}

function readRecord([version, json]: (string | null)[]): StoredRecord | undefined {
  return version == null || json == null ? undefined : { value: JSON.parse(json), version: Number(version) }
}

function conflict(version: number, json: string): WriteResult {
  return { ok: false, reason: 'conflict', current: version === 0 ? undefined : { value: JSON.parse(json), version } }
}
