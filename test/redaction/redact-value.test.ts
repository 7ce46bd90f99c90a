import { describe, expect, it } from 'vitest'
import { redactValue } from '../../src/redaction/redact-value.ts'
import { Seeded } from './corpus/seeded.ts'

const token = `ghp${'_'}${new Seeded(2).mixed(36)}`

describe('redactValue', () => {
  it('goes into objects and arrays, and leaves the input alone', () => {
    const value = { a: [`see ${token}`, 1, null, true], b: { c: 'plain' } }
    const copy = structuredClone(value)
    const result = redactValue(value)
    expect(result).toEqual({
      value: { a: ['see [redacted:github-token]', 1, null, true], b: { c: 'plain' } },
      redactions: [{ kind: 'github-token', count: 1 }],
      touched: true,
    })
    expect(value).toEqual(copy)
    expect(result.value.b).toBe(value.b)
  })

  it.each([
    ['password', 'password'],
    ['dbPassword', 'password'],
    ['token', 'token'],
    ['secret', 'secret'],
    ['clientSecret', 'secret'],
    ['apiKey', 'api-key'],
    ['api_key', 'api-key'],
    ['Authorization', 'token'],
    ['credentials', 'secret'],
  ])('takes what "%s" promises, however it looks', (name, kind) => {
    expect(redactValue({ [name]: 'plain' })).toEqual({ value: { [name]: `[redacted:${kind}]` }, redactions: [{ kind, count: 1 }], touched: true })
    expect(redactValue({ [name]: ['plain', 'words'] }).redactions).toEqual([{ kind, count: 2 }])
  })

  it('takes a number that is a password', () => {
    expect(redactValue({ password: 1234, tokens: 1234, port: 80 }).value).toEqual({ password: '[redacted:password]', tokens: 1234, port: 80 })
  })

  it.each([
    { sessionId: 'a1b2c3', session: 's-1', key: 'k', tokens: 12, maxTokens: 4, publicKey: 'abc', nextPageToken: 'abc' },
    { password: '', token: null, secret: undefined, apiKey: false },
    { password: '${DB_PASSWORD}', token: '<your-token>' },
    { properties: { password: { type: 'string' } } },
    'plain',
    7,
    null,
    undefined,
  ])('gives back %j itself', (value) => {
    const result = redactValue(value)
    expect(result.value).toBe(value)
    expect(result).toEqual({ value, redactions: [], touched: false })
  })

  it('takes a secret out of a name without losing an entry', () => {
    const other = `ghp${'_'}${new Seeded(3).mixed(36)}`
    expect(redactValue({ [token]: 1, [other]: 2 }).value).toEqual({ '[redacted:github-token]': 1, '[redacted:github-token] 2': 2 })
  })

  it('keeps a name such as __proto__ a name', () => {
    const value = JSON.parse(`{"__proto__":{"password":"plain"}}`) as object
    const result = redactValue(value).value
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
    expect(JSON.stringify(result)).toBe('{"__proto__":{"password":"[redacted:password]"}}')
  })

  it('lets the same part stand twice', () => {
    const part = { text: 'x' }
    expect(redactValue([part, part]).touched).toBe(false)
  })

  it('is done after once', () => {
    const once = redactValue({ password: 'plain', a: [token] }).value
    expect(redactValue(once)).toEqual({ value: once, redactions: [], touched: false })
  })

  it('refuses a cycle, and says where', () => {
    const value: Record<string, unknown> = { a: {} }
    ;(value.a as Record<string, unknown>).back = value
    expect(() => redactValue(value)).toThrow(expect.objectContaining({ code: 'invalid_argument', field: 'value.a.back' }))
  })

  it('refuses too deep and too much', () => {
    let deep: unknown = 'x'
    for (let level = 0; level < 65; level += 1) deep = [deep]
    expect(() => redactValue(deep)).toThrow(/deeper than 64 levels/)
    expect(redactValue((deep as unknown[])[0]).touched).toBe(false)
    expect(() => redactValue(Array.from({ length: 10 }, () => 1), { maxNodes: 10 })).toThrow(/past the limit of 10 values/)
  })

  it.each([[new Map(), 'Map'], [() => 1, 'function'], [10n, 'bigint'], [new Date(0), 'Date']])('refuses %s, which JSON does not know', (value, name) => {
    expect(() => redactValue({ a: value })).toThrow(new RegExp(`"value\\.a": is a ${name}`))
  })
})
