import type { Cache } from '../ports.ts'
import type { Backend } from './link.ts'

/** One string a key, with a time to live: a server that evicts `volatile-*` may take any of them. */
export function createCache(backend: Backend): Cache {
  const { keys } = backend
  return {
    async get(names) {
      const found = await backend.read((client) => Promise.all(names.map((name) => client.getBuffer(keys.raw(name)))))
      return found.map((value) => value ?? undefined)
    },
    async set(entries) {
      await backend.write((client) => Promise.all(entries.map(({ key, value, ttlMs }) => (
        client.set(keys.raw(key), Buffer.from(value.buffer, value.byteOffset, value.byteLength), 'PX', Math.max(1, Math.ceil(ttlMs)))
      ))))
    },
    async delete(names) {
      await backend.write((client) => Promise.all(names.map((name) => client.unlink(keys.raw(name)))))
    },
  }
}
