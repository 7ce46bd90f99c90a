import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync, writeFileSync, writeSync, closeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { recallFolder } from '../../src/vectors/base/files.ts'
import { corpusOf, numbers } from './corpus.ts'
import { MemoryFile, fixture } from './memory-file.ts'
import { build, searchIn, stateOf } from './state.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const question = { text: 'w3 w17 w204', scope: {}, limit: 20, at: 1_000 }

function memoryFile(): MemoryFile {
  const file = new MemoryFile()
  onTestFinished(() => file.close())
  return file
}

function inFolder(file: MemoryFile): string[] {
  const folder = recallFolder(file.dataDir)
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

const bases = (file: MemoryFile): string[] => inFolder(file).filter((name) => name.startsWith('base-'))

/** Every file of the base in force, and the manifest. */
function files(file: MemoryFile): string[] {
  const folder = join(recallFolder(file.dataDir), bases(file)[0]!)
  return [join(recallFolder(file.dataDir), 'manifest.json'), ...readdirSync(folder).sort().map((name) => join(folder, name))]
}

function damage(path: string, kind: number, next: () => number): void {
  const size = statSync(path).size
  const at = Math.floor(next() * size)
  if (kind === 0) writeFileSync(path, readFileSync(path).subarray(0, at))
  else if (kind === 1) rmSync(path)
  else {
    const fd = openSync(path, 'r+')
    const byte = new Uint8Array(1)
    readSync(fd, byte, 0, 1, at)
    byte[0]! ^= 1 << Math.floor(next() * 8)
    writeSync(fd, byte, 0, 1, at)
    closeSync(fd)
  }
}

test(`a base damaged anywhere is noticed, told and not used (seed ${seed})`, async () => {
  const next = numbers(seed)
  const file = memoryFile()
  file.put(...corpusOf(400, next))
  await build(file)
  const expected = searchIn(stateOf(file), question).hits
  const count = files(file).length
  expect(count).toBe(6)
  for (let round = 0; round < 4 * count; round++) {
    damage(files(file)[round % count]!, Math.floor(round / count), next)
    file.problems.length = 0
    const state = stateOf(file)
    expect(searchIn(state, question).hits).toEqual(expected)
    if (round === count && round % count === 0) expect(file.problems, 'without a manifest there is no base').toEqual([])
    else expect(file.problems).toMatchObject([{ kind: 'damaged' }])
    state.close()
    await build(file)
    expect(bases(file), 'what is damaged does not stay').toHaveLength(1)
  }
  expect(stateOf(file).current((rows) => rows.baseRows)).toBe(400)
})

test('a base of another table, or of another version, is not used', async () => {
  const file = memoryFile()
  file.put({ id: 'a', text: 'alpha' }, { id: 'b', text: 'beta' })
  await build(file)
  const other = memoryFile()
  other.put({ id: 'c', text: 'alpha' }, { id: 'd', text: 'beta' }, { id: 'e', text: 'gamma' })
  writeFileSync(file.path, '')
  rmSync(`${file.path}-wal`, { force: true })
  const state = stateOf(Object.assign(Object.create(file) as MemoryFile, { path: other.path }))
  expect(searchIn(state, { text: 'alpha', scope: {}, limit: 5 }).hits).toMatchObject([{ id: 'c' }])
  expect(file.problems).toMatchObject([{ kind: 'damaged', message: expect.stringContaining('made from another table: memory 1 is not "a"') }])
})

test('an index rebuilds a damaged base by itself and goes on answering meanwhile', async () => {
  const { file, index } = fixture({ buildAt: 50 })
  file.put(...corpusOf(300, numbers(7)))
  await index.rebuild()
  const expected = (await index.search(question)).hits
  damage(files(file)[1]!, 2, () => 0.5)
  const second = file.open({ buildAt: 50 })
  onTestFinished(() => second.close())
  expect((await second.search({ ...question, minSeq: 300 })).hits).toEqual(expected)
  expect(file.problems).toMatchObject([{ kind: 'damaged' }])
  // Joins the build that the search began.
  await second.rebuild()
  expect(await second.stats()).toMatchObject({ base: 300, delta: 0, building: false })
  expect((await second.search(question)).hits).toEqual(expected)
})

test('a builder killed at any moment leaves the old base in force and nothing behind in the end', async () => {
  const file = memoryFile()
  const memories = corpusOf(3_000, numbers(11))
  file.put(...memories.slice(0, 1_000))
  await build(file)
  file.put(...memories.slice(1_000))
  const expected = searchIn(stateOf(file), question).hits
  const whole = await runBuilder(file, Number.POSITIVE_INFINITY)
  for (let round = 0; round < 6; round++) {
    // More kills after the start of node itself than before.
    await runBuilder(file, whole * (0.5 + round / 12))
    const state = stateOf(file)
    expect(searchIn(state, question).hits).toEqual(expected)
    state.close()
  }
  expect(file.problems).toEqual([])
  await runBuilder(file, Number.POSITIVE_INFINITY)
  expect(inFolder(file)).toEqual([expect.stringMatching(/^base-/), 'build.lock', 'manifest.json'])
}, 60_000)

test('the old base is there until the new one is in force', async () => {
  const file = memoryFile()
  file.put(...corpusOf(200, numbers(5)))
  await build(file)
  // The last step of the next build fails.
  mkdirSync(join(recallFolder(file.dataDir), 'manifest.json.new'))
  await expect(build(file)).rejects.toThrow(/manifest/)
  expect(stateOf(file).current((rows) => rows.baseRows)).toBe(200)
  expect(file.problems).toEqual([])
})

/** Runs the builder as a process and kills it after so many ms. Returns how long it ran. */
function runBuilder(file: MemoryFile, killAfter: number): Promise<number> {
  const source = join(import.meta.dirname, '../../src/vectors/worker/build-process.ts')
  const code = `require(${JSON.stringify(createRequire(import.meta.url).resolve('tsx/cjs'))}); require(${JSON.stringify(source)})`
  const start = performance.now()
  const child = spawn(process.execPath, ['-e', code, JSON.stringify({ dataDir: file.dataDir, database: file.path, waitMs: 5_000 })], { stdio: ['pipe', 'ignore', 'inherit'] })
  const timer = Number.isFinite(killAfter) ? setTimeout(() => child.kill('SIGKILL'), killAfter) : undefined
  return new Promise((resolve) => child.on('exit', () => {
    clearTimeout(timer)
    resolve(performance.now() - start)
  }))
}
