import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogue, createKeys, fromKeyPart, keyPart, slotGroupOf, slotGroups, type KeyFamily } from '../../src/store/keys.ts'

/** A regular expression for a pattern of the catalogue. */
function matcher(pattern: string): RegExp {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/<0\\\|1>/g, '[01]')
    .replace(/<(n|ms)>/g, '\\d+')
    .replace(/<[^>]+>/g, '[^{}:\\s]+')
    .replace(/NN/g, '\\d\\d')
  return new RegExp(`^${source}$`)
}

/** What CLUSTER KEYSLOT hashes. */
function hashed(key: string): string {
  const open = key.indexOf('{')
  const close = key.indexOf('}', open + 1)
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key
}

/** Two keys of a family, built from parts that its pattern asks for. */
function samples({ pattern, build }: KeyFamily & { build: (...parts: never[]) => string }): string[] {
  const make = build as (...parts: unknown[]) => string
  const parts = (pattern.match(/<[^>]+>|NN/g) ?? []).filter((part) => part !== 'NN' || !/<(room|id)>/.test(pattern))
  const one = (part: string, index: number): unknown => (part === 'NN' ? index * 15 : /^<(n|0\|1)>$/.test(part) ? index : part === '<ms>' ? '1763600000000-0' : `abc${index}`)
  const wanted = parts.filter((part, index) => !(part === '<n>' && parts[index - 1] === '<ms>'))
  return [0, 1].map((index) => make(...wanted.map((part) => one(part, index))))
}

describe('key catalogue', () => {
  test.each(Object.entries(catalogue))('%s: what it builds looks like its pattern', (_, family) => {
    for (const key of samples(family)) expect(key).toMatch(matcher(family.pattern))
    expect(family.ttl && family.quota && family.owner && family.holds).toBeTruthy()
  })

  test('no two families can build the same key', () => {
    const patterns = Object.values(catalogue).map(({ pattern }: KeyFamily) => pattern)
    expect(new Set(patterns).size).toBe(patterns.length)
    const dynamic = Object.entries(catalogue).flatMap(([name, family]) => samples(family).map((key) => ({ name, key })))
    for (const { name, key } of dynamic) {
      const owners = Object.entries(catalogue).filter(([, { pattern }]) => matcher(pattern).test(key)).map(([other]) => other)
      // `channel:<name>` covers `channel:events` on purpose, and no memory may have the id `changes`.
      const allowed = { events: 'channel', documentsRing: 'channel', memoryChanges: 'memory', memoryAbout: 'memory' }[name]
      expect(owners.filter((owner) => owner !== name && owner !== allowed), key).toEqual([])
    }
  })

  test('what one script touches shares a slot, with and without a prefix', () => {
    for (const prefix of ['', 'hive-a:']) {
      const keys = createKeys(prefix)
      const same = (...list: string[]): void => expect(new Set(list.map(hashed)).size, list.join(' ')).toBe(1)
      const room = 'Grüße: {x} 100%'
      const group = slotGroupOf(room)
      same(keys.room(room), keys.roomAbout(room), keys.roomIds(room, 0), keys.roomIds(room, 1), keys.roomFences(room), keys.roomTries(room), keys.roomCursors(room),
        keys.roomDead(room), keys.roomRecord(room, 'a:{b}'), keys.roomsLast(group), keys.roomsNames(group), keys.roomsRing(group))
      same(keys.lease('a:b'), keys.leaseFence('a:b'))
      same(keys.nodesActive(), keys.nodesAbout())
      same(keys.blob('ab'), keys.blobChunk('ab', 3))
      same(keys.agentMemory('a1', '1-0'), keys.agentMemories('a1'), keys.agentStream('a1'))
      expect(keys.room(room).startsWith(prefix)).toBe(true)
    }
  })

  test('names cannot run together, whatever they hold', () => {
    fc.assert(fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (room, key, otherRoom, otherKey) => {
      fc.pre(room !== '' && otherRoom !== '' && ![room, otherRoom].some((name) => name.includes('\0')))
      const keys = createKeys()
      expect(fromKeyPart(keyPart(room))).toBe(room)
      if (room !== otherRoom || key !== otherKey) expect(keys.roomRecord(room, key)).not.toBe(keys.roomRecord(otherRoom, otherKey))
    }))
  })

  test('spreads rooms over all groups, the same way for ever', () => {
    const counts = Array.from({ length: slotGroups }, () => 0)
    for (let room = 0; room < 16_000; room++) counts[slotGroupOf(`room-${room}`)]!++
    expect(Math.min(...counts)).toBeGreaterThan(700)
    expect([slotGroupOf('main_hall'), slotGroupOf('strategy'), createKeys().room('strategy')]).toMatchInlineSnapshot(`
      [
        2,
        4,
        "comm:{s04}:room:strategy",
      ]
    `)
  })

  test('refuses names that cannot be keys', () => {
    expect(() => createKeys().room('')).toThrow(/needs a name/)
    expect(() => createKeys('a{b}')).toThrow(/braces/)
    expect(() => createKeys().memory('changes')).toThrow(/cannot have the id/)
  })

  test('nothing else builds a key', () => {
    const stems = Object.values(catalogue).map(({ pattern }: KeyFamily) => /^[a-z_]+:/.exec(pattern)![0])
    const literal = new RegExp(`['"\`](${[...new Set(stems)].join('|')})[^'"\`]`)
    const found: string[] = []
    const walk = (folder: string): void => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) walk(path)
        else if (/\.(ts|lua)$/.test(entry.name) && path !== 'src/store/keys.ts') {
          readFileSync(path, 'utf8').split('\n').forEach((line, index) => {
            if (literal.test(line) && !/^\s*(\*|\/\*|\/\/|--)/.test(line)) found.push(`${path}:${index + 1}: ${line.trim()}`)
          })
        }
      }
    }
    for (const folder of ['src/store', 'src/bus']) walk(folder)
    expect(found).toEqual([])
  })
})
