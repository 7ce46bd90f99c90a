import { describe, expect, it } from 'vitest'
import { leaseModel, unknownLease } from '../../src/sim/checks/leases.ts'
import type { LeaseCall } from '../../src/sim/checks/leases.ts'
import { isLinearizable } from '../../src/sim/checks/linearizable.ts'
import type { Operation } from '../../src/sim/checks/linearizable.ts'
import { recordModel } from '../../src/sim/checks/records.ts'
import type { RecordCall } from '../../src/sim/checks/records.ts'

const record = (...calls: [from: number, to: number, call: RecordCall][]): boolean => isLinearizable(calls.map(([from, to, call]): Operation<RecordCall> => ({ call, from, to })), recordModel(undefined))
const lease = (...calls: [from: number, to: number, call: LeaseCall][]): boolean => isLinearizable(calls.map(([from, to, call]): Operation<LeaseCall> => ({ call, from, to })), leaseModel(unknownLease))
const put = (value: string, version: number, expect?: number): RecordCall => ({ kind: 'write', value, expect, result: { ok: true, version } })
const get = (value?: string, version = 0): RecordCall => ({ kind: 'get', result: value === undefined ? undefined : { value, version } })

describe('records', () => {
  it('may overlap in any order that explains the answers', () => {
    expect(record([0, 10, put('a', 2)], [1, 9, put('b', 1)], [2, 3, get('b', 1)], [11, 12, get('a', 2)])).toBe(true)
  })

  it('must not answer with what was overwritten before the question', () => {
    expect(record([0, 1, put('a', 1)], [2, 3, put('b', 2)], [4, 5, get('a', 1)])).toBe(false)
  })

  it('must not give one version to two writers', () => {
    expect(record([0, 1, put('a', 1, 0)], [0, 1, put('b', 1, 0)])).toBe(false)
  })

  it('may take up a write that nobody was sure of, late or never, but not before it was made', () => {
    const unsure: RecordCall = { kind: 'unsure', value: 'u' }
    expect(record([0, Infinity, unsure], [1, 2, get()], [3, 4, get('u', 1)])).toBe(true)
    expect(record([0, Infinity, unsure], [1, 2, get()])).toBe(true)
    expect(record([5, Infinity, unsure], [1, 2, get('u', 1)])).toBe(false)
    expect(record([0, Infinity, unsure], [1, 2, get('u', 1)], [3, 4, get()])).toBe(false)
  })

  it('must refuse for a reason', () => {
    expect(record([0, 1, put('a', 1)], [2, 3, { kind: 'write', value: 'b', expect: 1, result: { ok: false, reason: 'conflict', current: { value: 'a', version: 1 } } }])).toBe(false)
    expect(record([0, 1, put('a', 1)], [2, 3, { kind: 'write', value: 'b', expect: 0, result: { ok: false, reason: 'conflict', current: { value: 'a', version: 1 } } }])).toBe(true)
  })
})

describe('leases', () => {
  const acquire = (holder: string, fence?: number): LeaseCall => ({ kind: 'acquire', holder, ttlMs: 100, fence })

  it('go to another holder when they may have run out, and not before', () => {
    expect(lease([0, 1, acquire('a', 5)], [100, 101, acquire('b', 6)])).toBe(true)
    expect(lease([0, 1, acquire('a', 5)], [50, 51, acquire('b', 6)])).toBe(false)
    expect(lease([0, 1, acquire('a', 5)], [50, 51, { kind: 'release', holder: 'a', fence: 5, ok: true }], [52, 53, acquire('b', 6)])).toBe(true)
  })

  it('never have a fence twice', () => {
    expect(lease([0, 1, acquire('a', 5)], [200, 201, acquire('b', 5)])).toBe(false)
  })

  it('are not refused when nobody holds them, nor renewed when somebody else does', () => {
    expect(lease([0, 1, acquire('a', 5)], [300, 301, acquire('b')])).toBe(false)
    expect(lease([0, 1, acquire('a', 5)], [200, 201, acquire('b', 6)], [210, 211, { kind: 'renew', holder: 'a', fence: 5, ttlMs: 100, ok: true }])).toBe(false)
  })
})
