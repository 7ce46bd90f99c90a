import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { InvalidArgument, InvalidMessage, MessageTooLarge, UnknownMessageType } from '../../src/kernel/errors.ts'
import { builtinMessages } from '../../src/messages/builtin.ts'
import { createCatalogue } from '../../src/messages/catalogue.ts'
import { defineMessage, isPastTense } from '../../src/messages/define.ts'
import { describeMessages } from '../../src/messages/describe.ts'
import { editDistance, nearNames } from '../../src/messages/near.ts'

const loaded = defineMessage('model.loaded', z.object({ model: z.string(), bytes: z.number().optional() }))

function thrown(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('the built-in catalogue', () => {
  it.each(builtinMessages.map((entry) => [entry.type, entry] as const))('%s: named by its kind, documented, every field described', (_, entry) => {
    if (entry.kind === 'event') expect(isPastTense(entry.type), 'events are in the past tense').toBe(true)
    if (entry.kind === 'command') expect(isPastTense(entry.type), 'commands are imperative').toBe(false)
    expect(entry.about).toMatch(/^[A-Z].{10,}\.$/)
    const [doc] = describeMessages([entry])
    expect(doc!.fields.length).toBeGreaterThan(0)
    for (const field of doc!.fields) expect(field.about, `${entry.type} ${field.name}`).not.toBe('')
  })

  it('describes a type as a row a table can be made of', () => {
    const row = describeMessages(createCatalogue([loaded]).types()).find((entry) => entry.type === 'bus.resync')
    expect(row).toMatchObject({ kind: 'command', delivery: 'local' })
    expect(row!.fields).toContainEqual({ name: 'count', type: 'integer', optional: true, about: 'messages lost; absent: unknown' })
    expect(row!.fields.find((field) => field.name === 'reason')).toMatchObject({ type: '"truncated" | "missing" | "overflowed" | "restarted"', optional: false })
  })

  it('has every name once, sorted', () => {
    const names = createCatalogue().types().map((entry) => entry.type)
    expect(names).toEqual([...new Set(names)].sort())
    expect(names).toContain('text')
  })
})

describe('defineMessage', () => {
  it.each([['Model.Loaded'], ['model..loaded'], ['.model'], ['model loaded'], [''], ['__proto__'], ['a'.repeat(129)]])('refuses the name %j', (name) => {
    expect(() => defineMessage(name, z.object({}))).toThrow(InvalidArgument)
  })

  it('tells events from commands by the tense', () => {
    expect(loaded).toMatchObject({ kind: 'event', delivery: 'ephemeral' })
    expect(defineMessage('model.load', z.object({})).kind).toBe('command')
    expect(['node.left', 'room.dead-lettered', 'link.lost'].every(isPastTense)).toBe(true)
    expect(['text.embed', 'room.read', 'model.run'].some(isPastTense)).toBe(false)
  })
})

describe('parse', () => {
  const catalogue = createCatalogue([loaded])

  it('returns what the schema returns, without unknown fields', () => {
    expect(catalogue.parse('model.loaded', { model: 'm', bytes: 3, other: 1 })).toEqual({ model: 'm', bytes: 3 })
  })

  it('names near types when a type is unknown', () => {
    const error = thrown(() => catalogue.parse('model.loadde', {}))
    expect(error).toBeInstanceOf(UnknownMessageType)
    expect((error as Error).message).toContain('did you mean "model.loaded"?')
    expect((thrown(() => catalogue.parse('x'.repeat(5_000_000), {})) as Error).message.length).toBeLessThan(500)
    for (const name of ['__proto__', 'constructor', 'toString']) expect(() => catalogue.parse(name, {})).toThrow(UnknownMessageType)
  })

  it('names the field that is wrong', () => {
    const error = thrown(() => catalogue.parse('model.loaded', { model: 3 }))
    expect(error).toBeInstanceOf(InvalidMessage)
    expect(error).toMatchObject({ code: 'invalid_message', type: 'model.loaded', field: 'model' })
    expect(thrown(() => catalogue.parse('model.loaded', null))).toMatchObject({ field: '' })
  })

  it('limits the data in bytes of UTF-8 JSON', () => {
    const error = thrown(() => catalogue.parse('text', { text: 'é'.repeat(10) }, { limitBytes: 30 }))
    expect(error).toBeInstanceOf(MessageTooLarge)
    expect(error).toMatchObject({ bytes: 31, limit: 30 })
    expect(catalogue.parse('text', { text: 'é'.repeat(10) }, { limitBytes: 31 })).toBeDefined()
    expect(() => catalogue.parse('text', { text: 'a'.repeat(1024 * 1024) })).toThrow(MessageTooLarge)
    expect(() => createCatalogue([], { limitBytes: 5 }).parse('text', { text: '' })).toThrow(MessageTooLarge)
  })

  it('refuses what is no JSON', () => {
    const open = createCatalogue([defineMessage('any', z.unknown())])
    const circle: Record<string, unknown> = {}
    circle.self = circle
    for (const data of [circle, 1n, undefined, () => 1]) expect(() => open.parse('any', data)).toThrow(InvalidMessage)
  })

  it('turns a schema that throws, or is asynchronous, into an error about the message', () => {
    const broken = createCatalogue([
      defineMessage('broken', z.string().refine(() => { throw new Error('oops') })),
      defineMessage('late', z.string().refine(async () => true)),
    ])
    expect(() => broken.parse('broken', 'x')).toThrow(InvalidMessage)
    expect(() => broken.parse('late', 'x')).toThrow(InvalidMessage)
  })

  it('refuses a second definition of a name, and takes the same one twice', () => {
    const mine = createCatalogue([loaded])
    mine.define(loaded)
    expect(() => mine.define(defineMessage('model.loaded', z.object({})))).toThrow(InvalidArgument)
    expect(() => createCatalogue([defineMessage('text', z.object({}))])).toThrow(InvalidArgument)
  })
})

describe('near names', () => {
  it('counts edits', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('', 'abc')).toBe(3)
  })

  it('puts the nearest first and leaves strangers out', () => {
    expect(nearNames('room.post', ['room.posted', 'room.opened', 'node.left'])).toEqual(['room.posted'])
    expect(nearNames('roon.posted', ['room.poster', 'room.posted'])).toEqual(['room.posted', 'room.poster'])
  })
})
