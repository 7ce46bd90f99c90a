import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folders, plantedSecrets, writeTranscripts } from '../../scenarios/remember/transcripts.ts'
import { told } from '../../scenarios/remember/sessions.ts'
import { createHive } from '../../src/hive.ts'
import type { Hive, MemoryRecord } from '../../src/hive.ts'
import { findTranscripts } from '../../src/transcripts/find.ts'
import { importTranscripts } from '../../src/transcripts/import.ts'
import type { TranscriptImport } from '../../src/transcripts/import.ts'
import { readTranscript } from '../../src/transcripts/read.ts'
import type { BadLine, Turn } from '../../src/transcripts/types.ts'

let folder: string
let hive: Hive
let first: TranscriptImport
let unfinished: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hivemind-transcripts-'))
  const dataDir = join(folder, 'data')
  ;({ unfinished } = await writeTranscripts(join(folder, 'projects')))
  hive = await createHive({ dataDir, log: { level: 'silent' } })
  first = await importTranscripts(hive.memory, await findTranscripts(join(folder, 'projects')), {})
})
afterAll(async () => {
  await hive.stop()
  rmSync(folder, { recursive: true })
})

const all = async (): Promise<MemoryRecord[]> => hive.memory.recent({ limit: 1000 })

async function read(path: string): Promise<{ turns: Turn[]; bad: BadLine[] }> {
  const found = { turns: [] as Turn[], bad: [] as BadLine[] }
  for await (const one of readTranscript(path)) {
    if ('turn' in one) found.turns.push(one.turn)
    else if ('bad' in one) found.bad.push(one.bad)
  }
  return found
}

function written(...lines: unknown[]): string {
  const path = join(folder, `${lines.length}-${Math.random()}.jsonl`)
  writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  return path
}

describe('an import', () => {
  test('takes prompts, answers and results, each trusted by who said it, in its session and project', async () => {
    expect(first).toMatchObject({ files: told.length, sessions: told.length, badCount: 1, skipped: 0 })
    expect(first.stored + first.duplicates).toBe(first.turns.user + first.turns.assistant + first.turns.tool)
    const memories = await all()
    expect(memories).toHaveLength(first.stored)
    const of = (text: string): MemoryRecord | undefined => memories.find((memory) => memory.text.includes(text))
    expect(of('How should we roll out the new release?')).toMatchObject({ trust: 0.9, source: 'program:claude-code/prompt', scope: { project: folders.harbor, session: 'a1-deploy' }, kind: 'episodic' })
    expect(of('Blue-green: the new version')).toMatchObject({ trust: 0.7, source: 'agent:claude-code' })
    expect(of('lanternctl fleet status')).toMatchObject({ trust: 0.3, source: 'tool:Bash', scope: { project: folders.lantern }, text: expect.stringContaining('unreachable: node-07') })
    expect(of('Blue-green')?.at).toBe(Date.parse('2026-09-01T08:02:00Z'))
  })

  test('what an agent asked a helper is not the word of a person', async () => {
    expect((await all()).find(({ text }) => text.startsWith('Look through all firmware files'))).toMatchObject({ trust: 0.7 })
  })

  test('again adds nothing', async () => {
    const again = await importTranscripts(hive.memory, await findTranscripts(join(folder, 'projects')), {})
    expect(again).toMatchObject({ stored: 0, turns: first.turns })
    expect(await all()).toHaveLength(first.stored)
  })

  test('no secret is kept, and no long result whole', async () => {
    const memories = await all()
    for (const secret of plantedSecrets) expect(memories.filter((memory) => JSON.stringify(memory).includes(secret))).toEqual([])
    expect(first.redactions).toBeGreaterThanOrEqual(2)
    const log = memories.find(({ text }) => text.startsWith('Bash: cat build.log'))
    expect(log?.text).toMatch(/characters left out\)\n.*[\s\S]*finished$/)
    expect(Math.max(...memories.map(({ text }) => text.length))).toBeLessThan(4_500)
  })

  test('what the client inserts is no word of a person', async () => {
    const texts = (await all()).map(({ text }) => text).join('\n')
    expect(texts).not.toMatch(/system-reminder|The date is today|command-name|Nothing to think about/)
  })

  test('a dry run counts and stores nothing', async () => {
    const before = (await all()).length
    const path = written({ type: 'user', message: { role: 'user', content: 'never seen before' }, sessionId: 'dry' })
    expect(await importTranscripts(hive.memory, await findTranscripts(path), { dryRun: true })).toMatchObject({ turns: { user: 1 }, stored: 0, sessions: 1 })
    expect(await all()).toHaveLength(before)
  })

  test('a turn of which nothing is left does not stop the others', async () => {
    const path = written(
      { type: 'user', message: { role: 'user', content: '<private>all of it</private>' }, sessionId: 'private' },
      { type: 'user', message: { role: 'user', content: 'the tide tables are in docs/tides.csv' }, sessionId: 'private' },
    )
    expect(await importTranscripts(hive.memory, await findTranscripts(path), { project: 'private' })).toMatchObject({ stored: 1, skipped: 1 })
  })

  test('with consolidate, each session becomes lasting memories, no more trusted than what they are made from', async () => {
    const result = await importTranscripts(hive.memory, await findTranscripts(join(folder, 'projects')), { consolidate: true })
    expect(result.consolidated).toBeGreaterThanOrEqual(told.length)
    const made = await hive.memory.recent({ kinds: ['semantic'], limit: 1000 })
    for (const { trust, derivedFrom, scope } of made) {
      const sources = await Promise.all((derivedFrom ?? []).map((id) => hive.memory.get(id)))
      expect(trust).toBe(Math.min(...sources.map((source) => source?.trust ?? 0)))
      expect(new Set(sources.map((source) => source?.scope.project))).toEqual(new Set([scope.project]))
    }
    expect(await importTranscripts(hive.memory, await findTranscripts(join(folder, 'projects')), { consolidate: true })).toMatchObject({ consolidated: 0 })
  })
})

describe('reading', () => {
  test('bad lines are told by number and passed over', async () => {
    const good = { type: 'user', message: { role: 'user', content: 'fine' }, sessionId: 's' }
    const { turns, bad } = await read(written(good, '{"type": "us', '[1]', '', { type: 'user' }, { type: 'assistant', message: { content: 7 } }, good, '{"unfin'))
    expect(turns.map(({ text }) => text)).toEqual(['fine', 'fine'])
    expect(bad.map(({ line, unfinished: last }) => [line, last])).toEqual([[2, false], [3, false], [5, false], [6, false], [8, true]])
    expect(bad[0]?.problem).toMatch(/is no JSON/)
  })

  test('a file that ends in the middle of a line', async () => {
    const { bad, turns } = await read(unfinished)
    expect(bad).toMatchObject([{ unfinished: true }])
    expect(turns.length).toBeGreaterThan(4)
  })

  test('characters of several bytes survive the borders of chunks', async () => {
    const text = '\u{1f40b}'.repeat(1_500)
    const { turns } = await read(written(...Array.from({ length: 60 }, () => ({ type: 'user', message: { role: 'user', content: `x${text}` } }))))
    expect(new Set(turns.map((turn) => turn.text))).toEqual(new Set([`x${text}`]))
  })

  test('results find their call; readers and this memory itself are left out', async () => {
    const use = (id: string, name: string, input: unknown): unknown => ({ type: 'assistant', message: { role: 'assistant', content: [{ type: 'tool_use', id, name, input }] } })
    const result = (id: string, content: unknown, isError = false): unknown => ({ type: 'user', message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content, is_error: isError }] } })
    const { turns } = await read(written(
      use('1', 'Read', { file_path: '/a' }), result('1', 'content of a'),
      use('2', 'Read', { file_path: '/b' }), result('2', 'no such file', true),
      use('3', 'mcp__plugin_hivemind_hivemind__memory_recall', { query: 'x' }), result('3', [{ type: 'text', text: 'what was recalled' }]),
      use('4', 'Edit', { file_path: '/c', old_string: 'a', new_string: 'b' }), result('4', 'The file /c has been updated'),
      use('5', 'WebFetch', { url: 'https://example.org', prompt: 'p' }), result('5', [{ type: 'text', text: 'a page' }, { type: 'image', source: {} }]),
      result('9', 'of an unknown call'),
    ))
    expect(turns.map(({ role, text, tool }) => [role, tool, text])).toEqual([
      ['tool', 'Read', 'Read: /b\nfailed\nno such file'], ['tool', 'Edit', 'Edit: /c'], ['tool', 'WebFetch', 'WebFetch: https://example.org\na page'], ['tool', 'tool', 'tool\nof an unknown call'],
    ])
  })

  test('a folder that is not there is told', async () => {
    await expect(findTranscripts(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringMatching(/nowhere cannot be read \(ENOENT\)/) })
  })
})
