import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Connection } from '../../../src/store/sqlite/binding.ts'
import type { SqlParam } from '../../../src/store/sqlite/params.ts'

describe('binding', () => {
  let connection: Connection
  beforeAll(() => {
    connection = new Connection(':memory:')
  })
  afterAll(() => connection.close())

  // A boolean, a Date or a Buffer that is bound alone aborts the process inside libsql: hence a process of its own.
  test('never aborts, and what it binds it reads back', () => {
    const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31))
    const child = spawnSync(process.execPath, ['--import', 'tsx', new URL('./binding-fuzz.ts', import.meta.url).pathname, String(seed)], { encoding: 'utf8' })
    expect(child.signal, `seed ${seed}: ${child.stderr}`).toBeNull()
    expect(child.status, `seed ${seed}: ${child.stderr}`).toBe(0)
    const { bound, refused } = JSON.parse(child.stdout) as { bound: number; refused: number }
    expect(bound).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(100)
  })

  test('stores whole numbers as INTEGER, others as REAL', () => {
    const types = connection.get('SELECT typeof(?) AS a, typeof(?) AS b, typeof(?) AS c, typeof(?) AS d, typeof(?) AS e', [5, 5n, 5.5, 'x', new Uint8Array(1)])
    expect(types).toMatchObject({ a: 'integer', b: 'integer', c: 'real', d: 'text', e: 'blob' })
  })

  test.each<[string, unknown, RegExp]>([
    ['a boolean', true, /params\[0\].*boolean/], ['a Date', new Date(), /Date/], ['undefined', undefined, /undefined/], ['NaN', Number.NaN, /NaN/],
    ['a string with NUL', 'a\0b', /NUL/], ['half a surrogate pair', '\ud800', /surrogate/], ['an integer beyond 2^53', 2n ** 60n, /2\^53/],
  ])('refuses %s by position', (_, value, problem) => {
    expect(() => connection.get('SELECT ?', [value as SqlParam])).toThrow(problem)
  })

  test('refuses too many and too few parameters, several statements, none, and named parameters', () => {
    expect(() => connection.get('SELECT ?', [])).toThrow(/0 values for 1/)
    expect(() => connection.get('SELECT ?', [1, 2])).toThrow(/2 values for 1/)
    expect(() => connection.run('DELETE FROM a; DELETE FROM b')).toThrow(/one statement/)
    expect(() => connection.run(' -- nothing')).toThrow(/empty/)
    expect(() => connection.get('SELECT :a', [1])).toThrow(/positional/)
    expect(connection.get(`SELECT '?;' AS a, "?" AS b /* ? ; ? */, ? AS c -- ;?\n;`.replace('"?"', '1'), [3])).toMatchObject({ a: '?;', c: 3 })
  })
})
