// Child process of binding.test.ts: binds whatever fast-check can think of. libsql must never see what would abort it.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { HivemindError } from '../../../src/kernel/errors.ts'
import { Connection } from '../../../src/store/sqlite/binding.ts'
import type { SqlParam } from '../../../src/store/sqlite/params.ts'

const seed = Number(process.argv[2])
const folder = mkdtempSync(join(tmpdir(), 'hivemind-fuzz-'))
const connection = new Connection(join(folder, 'fuzz.db'))
connection.exec('CREATE TABLE cells (value)')

const detached = new Uint8Array(8)
structuredClone(detached, { transfer: [detached.buffer] })
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true, maxDepth: 1 }),
  fc.string({ unit: 'binary' }), fc.double(), fc.bigInt(), fc.boolean(), fc.date(), fc.uint8Array(),
  fc.constantFrom<unknown>(
    Buffer.from('x'), new ArrayBuffer(4), new SharedArrayBuffer(4), new Float64Array(2), new DataView(new ArrayBuffer(4)), detached, Symbol('s'), () => 1,
    Number.NaN, Infinity, -0, 2 ** 53, 2n ** 63n, -(2n ** 63n), '\0', 'a\0b', '\ud800', undefined, null, new Proxy([], {}), new Proxy(new Uint8Array(2), {}),
  ),
)

let bound = 0
let refused = 0
const attempt = (run: () => void): boolean => {
  try {
    run()
    return true
  } catch (error) {
    if (!(error instanceof HivemindError) || error.code !== 'invalid_argument') throw error
    refused++
    return false
  }
}

fc.assert(fc.property(anything, (value) => {
  for (const params of [value, [value], [value, value], [[value]], { 0: value, length: 1 }]) {
    attempt(() => connection.get('SELECT ? AS value', params as SqlParam[]))
  }
  if (!attempt(() => connection.run('INSERT INTO cells VALUES (?)', [value as SqlParam]))) return
  bound++
  const back = connection.get<{ value: unknown }>('SELECT value FROM cells ORDER BY rowid DESC LIMIT 1')!.value
  const want = typeof value === 'bigint' ? Number(value) : value
  const same = want instanceof Uint8Array ? back instanceof Uint8Array && Buffer.compare(back, want) === 0 : back === want
  if (!same) throw new Error(`bound ${String(value)}, read ${String(back)}`)
}), { seed, numRuns: 1_500 })

connection.close()
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ bound, refused }))
