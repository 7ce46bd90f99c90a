import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { systemClock, systemRandomness } from '../../src/kernel/clock.ts'
import { InvalidMessage, MessageTooLarge, UnknownMessageType } from '../../src/kernel/errors.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import { createEnvelope } from '../../src/messages/create.ts'
import { defineMessage } from '../../src/messages/define.ts'
import { messageIds } from '../../src/messages/ids.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/messages/wire.ts'

const catalogue = createCatalogue([defineMessage('any', z.unknown()), defineMessage('map', z.record(z.string(), z.unknown()))])
const base = { id: 'a-1', type: 'text', source: 'tester', time: 1_763_600_000_000, data: { text: 'hello' } }
const decode = (value: unknown): unknown => decodeEnvelope(JSON.stringify(value), catalogue)

describe('an envelope', () => {
  it('carries what was given and nothing absent', () => {
    const envelope = createEnvelope({ type: 'text', data: { text: 'x' }, source: 'me', correlationid: 'c', deadline: 5 }, { ...systemClock, now: () => 42 }, systemRandomness)
    expect(envelope).toEqual({ id: envelope.id, type: 'text', source: 'me', time: 42, data: { text: 'x' }, correlationid: 'c', deadline: 5 })
    expect(Object.keys(envelope)).not.toContain('subject')
    expect(createEnvelope({ id: 'mine', type: 'text', data: {}, source: 'me' }, systemClock, systemRandomness).id).toBe('mine')
  })

  it('has an id no other one has, in this process or another', () => {
    const elsewhere = { ...systemRandomness }
    const ids = new Set<string>()
    for (let i = 0; i < 10_000; i++) ids.add(messageIds(systemRandomness)()).add(messageIds(elsewhere)())
    expect(ids.size).toBe(20_000)
  })

  it('survives the wire, whatever JSON it carries', () => {
    const data = fc.jsonValue({ depthSize: 'medium' }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
    const id = fc.string({ minLength: 1, maxLength: 50, unit: 'binary' })
    fc.assert(fc.property(data, id, id, (value, messageId, source) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      const envelope = { ...base, type: 'any', id: messageId, source, data: value }
      expect(decodeEnvelope(encodeEnvelope(envelope), catalogue)).toEqual(envelope)
    }))
  })
})

describe('decoding what comes from outside', () => {
  it('takes a full envelope and drops attributes it does not know', () => {
    const full = { ...base, subject: 's', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, correlationid: 'c', causationid: 'd', deadline: 1 }
    expect(decode({ ...full, specversion: '1.0' })).toEqual(full)
  })

  it.each([
    ['id', { ...base, id: 3 }],
    ['id', { ...base, id: '' }],
    ['id', { ...base, id: 'x'.repeat(257) }],
    ['id', { ...base, id: 'lone \ud800' }],
    ['type', { ...base, type: ['text'] }],
    ['source', { ...base, source: undefined }],
    ['time', { ...base, time: '2026' }],
    ['time', { ...base, time: -1 }],
    ['subject', { ...base, subject: 4 }],
    ['traceparent', { ...base, traceparent: 'x' }],
    ['deadline', { ...base, deadline: null }],
    ['text', { ...base, data: { text: 5 } }],
    ['', null],
    ['', 'text'],
    ['', []],
  ])('names the field that is wrong: %s', (field, value) => {
    let error: unknown
    try {
      decode(value)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(InvalidMessage)
    expect((error as InvalidMessage).field).toBe(field)
  })

  it('refuses unknown types, broken JSON and what is too large', () => {
    expect(() => decode({ ...base, type: 'txet' })).toThrow(/did you mean "text"/)
    expect(() => decode({ ...base, type: 'constructor' })).toThrow(UnknownMessageType)
    expect(() => decodeEnvelope('{"id":', catalogue)).toThrow(InvalidMessage)
    const small = createCatalogue([], { limitBytes: 10 })
    expect(() => decodeEnvelope(JSON.stringify({ ...base, data: { text: 'é'.repeat(9000) } }), small)).toThrow(MessageTooLarge)
  })

  it('lets no __proto__ key in, however it is spelt, and keeps the word as a value', () => {
    for (const key of ['__proto__', '\\u005f_proto__', '_\\u005Fpr\\u006fto__']) {
      const text = JSON.stringify({ ...base, type: 'map', data: { a: [{ KEY: { admin: true } }] } }).replace('KEY', key)
      expect(() => decodeEnvelope(text, catalogue)).toThrow(/__proto__/)
    }
    expect(decode({ ...base, data: { text: '__proto__ \u0001' } })).toMatchObject({ data: { text: '__proto__ \u0001' } })
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  it('keeps lone surrogates in the data harmless: the text stays valid UTF-8 and comes back as it was', () => {
    const text = encodeEnvelope({ ...base, data: { text: 'a\ud800b' } })
    expect(Buffer.from(text).toString()).toBe(text)
    expect(decodeEnvelope(text, catalogue).data).toEqual({ text: 'a\ud800b' })
  })

  it('is not overturned by deep nesting', () => {
    const text = JSON.stringify({ ...base, type: 'any', data: 0 }).replace('"data":0', `"data":${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    const envelope = decodeEnvelope(text, catalogue)
    expect(() => encodeEnvelope(envelope)).toThrow(InvalidMessage)
  })

  it('throws nothing but its own errors on arbitrary text', () => {
    const known = [InvalidMessage, UnknownMessageType, MessageTooLarge]
    const record = fc.record({ id: fc.anything(), type: fc.constantFrom('text', 'any', 'nope', 3), source: fc.anything(), time: fc.anything(), data: fc.anything() }, { requiredKeys: [] })
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), record.map((value) => {
      try {
        return JSON.stringify(value) ?? ''
      } catch {
        return 'circle'
      }
    }))
    fc.assert(fc.property(text, (input) => {
      try {
        decodeEnvelope(input, catalogue)
      } catch (error) {
        expect(known.some((type) => error instanceof type), String(error)).toBe(true)
      }
    }), { numRuns: 500 })
  })
})
