import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { VirtualClock } from '../../src/kernel/virtual-clock.ts'
import { openRecallIndex } from '../../src/vectors/open.ts'
import type { RecallProblem } from '../../src/vectors/types.ts'
import { corpusOf, numbers } from './corpus.ts'
import { MemoryFile, fixture } from './memory-file.ts'

const question = { text: 'alpha', scope: {}, limit: 5 }
const code = (error: unknown): string => (error as { code: string }).code

test('requests beyond the queue are refused, cancelled ones are dropped, the rest is answered', async () => {
  const { file, index } = fixture({ maxQueued: 6 })
  file.put({ id: 'a', text: 'alpha' })
  const abort = new AbortController()
  const asked = Array.from({ length: 8 }, (_, at) => index.search(question, at === 1 || at === 4 ? { signal: abort.signal } : {}).then(() => 'answered', code))
  abort.abort()
  expect(await Promise.all(asked)).toEqual(['answered', 'cancelled', 'answered', 'answered', 'cancelled', 'answered', 'recall_busy', 'recall_busy'])
  await expect(index.search(question, { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' })
  expect(await index.stats()).toMatchObject({ memories: 1, queued: 0 })
})

test('a worker that dies is started again, and what it was asked is answered by the next', async () => {
  const problems: RecallProblem[] = []
  const index = openRecallIndex({ dataDir: '/nowhere', database: '/nowhere/hive.db', clock: systemClock, onProblem: (problem) => problems.push(problem) }, new URL('./dying-worker', import.meta.url))
  onTestFinished(() => index.close())
  const ask = (text: string): Promise<unknown> => index.search({ ...question, text }).then((result) => (result as unknown as { text: string }).text, code)
  expect(await ask('before')).toBe('before')
  expect(await Promise.all([ask('one'), ask('die'), ask('two'), ask('three')])).toEqual(['one', 'recall_failed', 'two', 'three'])
  expect(problems).toMatchObject([{ kind: 'worker-exit', message: expect.stringContaining('exit code 7') }, { kind: 'worker-exit' }])
  expect(await index.stats()).toMatchObject({ restarts: 2 })
})

test('what waits when it is closed is told so, and closing twice is harmless', async () => {
  const file = new MemoryFile()
  const index = openRecallIndex({ dataDir: file.dataDir, database: file.path, clock: new VirtualClock(), onProblem: () => undefined })
  const waiting = index.search(question).then(() => 'answered', code)
  const closing = index.close()
  expect(await waiting).toBe('recall_closed')
  await Promise.all([closing, index.close()])
  await expect(index.search(question)).rejects.toMatchObject({ code: 'recall_closed' })
  file.close()
})

test('bad requests are refused by field', async () => {
  const { index } = fixture()
  const refused = (request: object): Promise<string> => index.search({ scope: {}, limit: 1, text: 'x', ...request } as never).then(() => 'answered', (error: { field: string }) => error.field)
  expect(await Promise.all([
    refused({ limit: 0 }), refused({ limit: 1.5 }), refused({ limit: 1_001 }), refused({ text: undefined }), refused({ text: 7 }), refused({ scope: { tenant: 'x' } }), refused({ scope: { project: 7 } }), refused({ scope: null }),
    refused({ vector: [1] }), refused({ vector: new Float32Array(0), model: 'm' }), refused({ vector: Float32Array.of(Number.NaN), model: 'm' }), refused({ vector: Float32Array.of(1) }), refused({ since: Number.NaN }), refused({ kinds: 'episodic' }), refused({ includeStates: ['gone'] }),
  ])).toEqual(['limit', 'limit', 'limit', 'text', 'text', 'scope.tenant', 'scope.project', 'scope', 'vector', 'vector', 'vector', 'model', 'since', 'kinds', 'includeStates'])
})

test('two processes share a folder: one builds, the other goes over to the new base', async () => {
  const { file, index } = fixture({ buildAt: Number.MAX_SAFE_INTEGER })
  file.put(...corpusOf(600, numbers(3)))
  const asked = { text: 'w3 w17 w204', scope: {}, limit: 20, at: 1_000 }
  const expected = (await index.search({ ...asked, minSeq: 600 })).hits
  expect(await index.stats()).toMatchObject({ base: 0, delta: 600 })
  const other = otherProcess(file)
  expect(await other).toEqual({ base: 600, hits: expected.map(({ id }) => id) })
  expect((await index.search(asked)).hits).toEqual(expected)
  expect(await index.stats()).toMatchObject({ base: 600, delta: 0 })
  expect(file.problems).toEqual([])
})

/** Opens the same folder in a process of its own, builds, searches. */
function otherProcess(file: MemoryFile): Promise<unknown> {
  const program = `
    require(${JSON.stringify(createRequire(import.meta.url).resolve('tsx/cjs'))})
    const { openRecallIndex } = require(${JSON.stringify(join(import.meta.dirname, '../../src/vectors/open.ts'))})
    const { systemClock } = require(${JSON.stringify(join(import.meta.dirname, '../../src/kernel/clock.ts'))})
    const index = openRecallIndex({ dataDir: ${JSON.stringify(file.dataDir)}, database: ${JSON.stringify(file.path)}, clock: systemClock, onProblem: (problem) => console.error(problem) })
    void (async () => {
      await Promise.all([index.rebuild(), index.search({ text: 'w1', scope: {}, limit: 1 })])
      const { hits } = await index.search({ text: 'w3 w17 w204', scope: {}, limit: 20, at: 1000, minSeq: 600 })
      console.log(JSON.stringify({ base: (await index.stats()).base, hits: hits.map(({ id }) => id) }))
      await index.close()
    })()`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  return new Promise((resolve, reject) => child.on('close', (status) => (status === 0 ? resolve(JSON.parse(said)) : reject(new Error(`exit ${status}: ${said}`)))))
}
