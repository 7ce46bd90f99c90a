import fc from 'fast-check'
import { expect } from 'vitest'
import type { Commit, EntryId, Log, LogConfig, Owner } from '../../src/store/ports.ts'
import { entrySequence, firstEntryId } from '../../src/store/ports.ts'
import { createModelLog } from './log-model.ts'

const config: LogConfig = { cap: 1_000_000, quotaBytes: 2_000, dedupeMs: 3_600_000, meta: null }
const rooms = ['a', 'b'] as const
const owners = ['x', 'y'] as const

/** `entry` fields number an entry of the room (1 is the first), existing or not. */
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('append' as const), room: fc.constantFrom(...rooms), ids: fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }), size: fc.constantFrom(1, 10, 300) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('take' as const, 'owned' as const), room: fc.constantFrom(...rooms), owner: fc.constantFrom(...owners), count: fc.integer({ min: 1, max: 4 }), old: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('takeOver' as const), room: fc.constantFrom(...rooms), owner: fc.constantFrom(...owners) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom('commit' as const, 'cursor' as const, 'retry' as const, 'extend' as const, 'bury' as const), room: fc.constantFrom(...rooms), owner: fc.constantFrom(...owners), entry: fc.integer({ min: 1, max: 12 }), old: fc.boolean(), post: fc.option(fc.nat(30)), record: fc.option(fc.jsonValue({ maxDepth: 1 })) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('restart' as const, 'replay' as const, 'read' as const), room: fc.constantFrom(...rooms), owner: fc.constantFrom(...owners), from: fc.nat(8), to: fc.nat(12), reverse: fc.boolean() }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Runs random operations on `log` and on the model, and compares every answer (entry ids by their numbers). */
export async function logModelTest(log: Log, numRuns = 60): Promise<void> {
  const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31))
  let run = 0
  const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), async (operations) => {
    const model = createModelLog()
    const prefix = `random-${process.pid}-${seed}-${++run}-`
    for (const subject of [log, model]) {
      for (const room of rooms) {
        await subject.open(prefix + room, config)
        await subject.openGroup(prefix + room, 'g', firstEntryId)
        await subject.openCursor(prefix + room, 'm', { name: 'x', fence: 0 }, firstEntryId)
      }
    }
    const fences = new Map<string, number>([['x', 1], ['y', 1]])
    for (const [index, step] of operations.entries()) {
      if (step.op === 'restart') fences.set(step.owner, fences.get(step.owner)! + 1)
      const [actual, expected] = await Promise.all([log, model].map((subject) => perform(subject, prefix, step, index, fences)))
      expect(actual, `step ${index}: ${JSON.stringify(step)}`).toEqual(expected)
    }
    for (const room of rooms) {
      const [actual, expected] = await Promise.all([log, model].map((subject) => summary(subject, prefix + room)))
      expect(actual, `room ${room} at the end`).toEqual(expected)
      await log.remove(prefix + room)
    }
  })
  await fc.assert(property, { seed, numRuns, reporter: undefined, verbose: 0 }).catch((error: unknown) => {
    throw new Error(`seed ${seed} (set FC_SEED to repeat)`, { cause: error })
  })
}

async function perform(log: Log, prefix: string, step: Operation, index: number, fences: Map<string, number>): Promise<unknown> {
  const room = prefix + step.room
  const by = (name: string, old: boolean): Owner => ({ name, fence: fences.get(name)! - (old ? 1 : 0) })
  const idOf = async (subject: string, number: number): Promise<EntryId> =>
    (await log.range(subject, { limit: 1000 })).find(({ entry }) => entrySequence(entry) === number)?.entry ?? `9999999999999-${number}`
  switch (step.op) {
    case 'append':
      return plain(await log.append(step.ids.map((id) => ({ room, messageId: `m${id}`, body: 'b'.repeat(step.size) }))))
    case 'take':
      return plain(await log.take(room, 'g', by(step.owner, step.old), step.count))
    case 'owned':
      return plain(await log.owned(room, 'g', by(step.owner, step.old), { count: step.count }))
    case 'takeOver':
      return plain(await log.takeOver(room, 'g', by(step.owner, false), { minIdleMs: 0, count: 100 }))
    case 'commit':
    case 'cursor': {
      const entry = await idOf(room, step.entry)
      const effects = {
        posts: step.post === null ? [] : [{ room: prefix + (step.post % 2 === 0 ? 'a' : 'b'), messageId: `m${step.post}`, body: 'e'.repeat(step.post * 9) }],
        records: step.record === null ? [] : [{ key: 'r', value: step.record }],
      }
      const owner = by(step.owner, step.old)
      if (step.op === 'cursor' && entry.startsWith('9999')) return undefined
      const commit: Commit = step.op === 'commit' ? { kind: 'work', room, group: 'g', owner, entry, effects } : { kind: 'cursor', room, member: 'm', owner, entry, effects }
      return [plain(await log.commit([commit]))].concat(await log.record(room, 'r') as never)
    }
    case 'retry':
      return log.retry(room, 'g', by(step.owner, step.old), await idOf(room, step.entry))
    case 'extend':
      return plain(await log.extend(room, 'g', by(step.owner, step.old), [await idOf(room, step.entry), await idOf(room, step.entry + 1)]))
    case 'bury':
      return log.bury(room, 'g', by(step.owner, step.old), await idOf(room, step.entry), `reason ${index}`)
    case 'restart':
      return undefined
    case 'replay':
      return log.replay(room, (await log.deadLetters(room)).slice(step.from % 3, step.to % 4).map(({ entry }) => entry))
    case 'read': {
      const [after, before] = [await idOf(room, step.from), await idOf(room, step.to)]
      return plain(await log.range(room, { after: after.startsWith('9999') ? undefined : after, before, limit: 5, reverse: step.reverse }))
    }
  }
}

async function summary(log: Log, room: string): Promise<unknown> {
  const info = (await log.info(room))!
  return {
    ...(plain({ ...info, room: 0, groups: info.groups, members: info.members }) as object),
    pending: plain((await log.pending(room, 'g', { count: 1000 })).map(({ entry, owner, attempt }) => ({ entry, owner, attempt }))),
    dead: (await log.deadLetters(room, { count: 1000 })).map(({ original, body, group, reason, attempts }) => [entrySequence(original), body, group, reason, attempts]),
    entries: (await log.range(room, { limit: 1000 })).map(({ entry, body }) => [entrySequence(entry), body]),
    record: await log.record(room, 'r'),
  }
}

/** Entry ids become their numbers, names lose their prefix, and ids made by the store (of replays) are left out. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, field) => {
    if (key === 'messageId' && !/^m\d+$/.test(field as string)) return 'fresh'
    if (key === 'room' && typeof field === 'string') return field.slice(-1)
    return typeof field === 'string' && /^\d+-\d+$/.test(field) ? entrySequence(field) : field
  }) ?? 'null')
}
