import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, start, temporaryFolder } from '../cli/binary.ts'
import { checkedTrace } from './trace.ts'

function folder(): string {
  const dir = temporaryFolder()
  mkdirSync(join(dir, 'docs'))
  writeFileSync(join(dir, 'README.md'), '# Kestrel\n\nKestrel is a tool that counts birds.\n\n## Purpose\n\nThis project exists to count birds at dawn.\n')
  writeFileSync(join(dir, 'docs/install.md'), '# Install\n\nRun `make install` to install kestrel.\n')
  writeFileSync(join(dir, 'count.ts'), 'export function countBirds(flock: string[]): number {\n  return flock.length\n}\n')
  writeFileSync(join(dir, 'picture.png'), Buffer.from([0x89, 0x50, 0, 0, 1, 2, 3]))
  writeFileSync(join(dir, 'huge.log'), 'a line of the log\n'.repeat(3000))
  writeFileSync(join(dir, 'old.txt'), Buffer.from('Gr\xfc\xdfe aus M\xfcnchen\n', 'latin1'))
  writeFileSync(join(dir, 'wide.txt'), Buffer.from('\ufeffwide words\n', 'utf16le'))
  symlinkSync('.', join(dir, 'loop'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  return dir
}

interface Quote { path: string; from: number; to: number; text: string; verdict: string; at: string }

test('any folder is read, asked about, and the answers hold', { timeout: 60_000 }, async () => {
  const dir = folder()
  const cwd = temporaryFolder()
  const { code, stdout, stderr } = await run(['run', 'codebase', '--input', `dir=${dir}`, '--input', 'question=How many birds does countBirds count?', '--input', 'maxFileBytes=8192', '--json', '--trace', 'run.jsonl'], { cwd })
  expect(stderr).toBe('')
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ scenario: 'codebase', ok: true, store: { kind: 'sqlite', dataDir: join(cwd, '.hivemind') } })
  const { report } = result
  expect(report.files).toMatchObject({
    listed: 7, handled: 7, handledTwice: 0, read: 6, encodings: { 'utf-8': 4, 'latin-1': 1, 'utf-16le': 1 }, partial: { count: 1, files: ['huge.log'] },
    skipped: { binary: { count: 1, files: [{ path: 'picture.png' }] }, link: { count: 1 }, special: { count: 1, files: [{ path: 'pipe' }] } },
  })
  expect(report).toMatchObject({ recall: { modes: ['hybrid'], kept: report.passages, left: 0 }, crashes: 1, restarts: 1, deadLetters: 0, verdicts: { false: 0, stale: 0 }, history: { none: expect.stringContaining('not a git repository') } })
  expect(report.questions[0]).toMatchObject({ question: 'How many birds does countBirds count?' })
  const [best]: Quote[] = report.questions[0].quotes
  expect(best).toMatchObject({ path: 'count.ts', from: 1, at: 'count.ts:1-3', verdict: 'true' })
  expect(best?.text.split('\n')[0]).toBe('export function countBirds(flock: string[]): number {')
  const purpose: Quote[] = report.questions[1].quotes
  expect(purpose[0]?.path).toBe('README.md')
  expect(code).toBe(0)
  expect(await checkedTrace(join(cwd, 'run.jsonl'))).toMatchObject({ scenario: 'codebase', machines: { lease: {}, supervisor: {}, 'room-consumer': {} } })

  const hall = await run(['rooms', 'tail', 'main_hall', '-n', '100', '--json'], { cwd })
  const types = hall.stdout.trim().split('\n').map((line) => JSON.parse(line).type)
  expect(types.filter((type) => type === 'codebase.question-asked')).toHaveLength(6)
  expect(types.filter((type) => type === 'codebase.question-answered')).toHaveLength(6)
  expect(types).toContain('codebase.history-told')
  expect((await run(['rooms', 'tail', 'strategy'], { cwd })).stdout).toMatch(/quotes stand in the files/)
  const remembered = JSON.parse((await run(['memory', 'recall', 'counting birds', '--project', dir, '--json'], { cwd })).stdout)
  expect(remembered.hits[0]).toMatchObject({ source: 'tool:codebase', trust: 0.3, text: expect.stringMatching(/:\d+-\d+\n/) })

  // What is in the folder no more is forgotten by the next run.
  writeFileSync(join(dir, 'count.ts'), 'export const herons = 7\n')
  await run(['run', 'codebase', '--input', `dir=${dir}`, '--input', 'defaults=no', '--json'], { cwd })
  expect((await run(['memory', 'recall', 'countBirds flock length', '--project', dir], { cwd })).stdout).not.toMatch(/export function countBirds/)
})

test('an empty folder: nothing to quote, and still one crash and one restart', async () => {
  const dir = temporaryFolder()
  const { code, stdout } = await run(['run', 'codebase', '--input', `dir=${dir}`, '--json'])
  expect(JSON.parse(stdout).report).toMatchObject({ files: { listed: 0, handled: 0 }, passages: 0, crashes: 1, restarts: 1, deadLetters: 0 })
  expect(code).toBe(0)
})

test('a repository: ignored files are left out and the history is told', async () => {
  const dir = folder()
  const git = (...args: string[]): unknown => execFileSync('git', ['-c', 'user.name=Ann', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false', ...args], { cwd: dir, stdio: 'pipe' })
  git('init', '-q')
  writeFileSync(join(dir, '.gitignore'), '*.log\n.hivemind/\n')
  git('add', '.')
  git('commit', '-q', '-m', 'count birds')
  const { stdout } = await run(['run', 'codebase', '--json'], { cwd: dir })
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, report: { files: { listed: 7, partial: { count: 0 } }, history: { commits: 1, authors: [{ name: 'Ann' }], newest: [{ subject: 'count birds' }] } } })

  writeFileSync(join(dir, 'heron.md'), '# Heron\n\nHerons stand in shallow water.\n')
  git('add', '.')
  git('commit', '-q', '-m', 'where herons stand in water')
  expect(JSON.parse((await run(['run', 'codebase', '--input', 'defaults=no', '--json'], { cwd: dir })).stdout).report.recall.measured).toEqual({ asked: 1, hitRate: 1, keywordHitRate: 1 })
})

test('twice at once on one data folder: each answers its own questions about its own folder', async () => {
  const cwd = temporaryFolder()
  const [one, two] = [folder(), temporaryFolder()]
  writeFileSync(join(two, 'other.md'), '# Heron\n\nThe purpose of this project is to count herons.\n')
  const results = await Promise.all([one, two].map((dir) => run(['run', 'codebase', '--input', `dir=${dir}`, '--input', 'question=What is the purpose of this project?', '--input', 'defaults=no', '--json'], { cwd })))
  for (const [index, { code, stdout, stderr }] of results.entries()) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { report } = JSON.parse(stdout)
    expect(report.questions).toHaveLength(1)
    expect(report.questions[0].quotes[0].path).toBe(index === 0 ? 'README.md' : 'other.md')
  }
})

test('again on the same data folder: what the run before left behind is removed', async () => {
  const cwd = temporaryFolder()
  const dir = folder()
  const rooms = async (): Promise<string[]> => JSON.parse((await run(['rooms', 'ls', '--json'], { cwd })).stdout).map((room: { room: string }) => room.room)
  const args = ['run', 'codebase', '--input', `dir=${dir}`, '--input', 'defaults=no', '--json']
  await run(args, { cwd })
  const before = await rooms()
  expect((await run(args, { cwd })).code).toBe(0)
  const after = await rooms()
  expect(after).toHaveLength(before.length)
  expect(after.filter((room) => before.includes(room)).sort()).toEqual(['main_hall', 'strategy'])
})

test('with --watch, a question posted from another process is answered', async () => {
  const cwd = temporaryFolder()
  const running = start(['run', 'codebase', '--input', `dir=${folder()}`, '--input', 'defaults=no', '--watch'], { cwd })
  await running.until(/room +messages/)
  const tail = start(['rooms', 'tail', 'main_hall', '--follow'], { cwd })
  await tail.until(/commits|no history/)
  await run(['rooms', 'post', 'main_hall', 'What does kestrel count?'], { cwd })
  expect(await tail.until(/README\.md:\d/)).toMatch(/counts birds/)
  const verdicts = start(['rooms', 'tail', 'strategy', '--follow'], { cwd })
  await verdicts.until(/quotes stand in the files/)
  for (const { child } of [tail, verdicts]) child.kill('SIGINT')
  running.child.kill('SIGINT')
  expect(await running.finished).toMatchObject({ code: 0, stdout: expect.stringContaining('What does kestrel count?') })
})

test('interrupted in mid-run, it ends in an orderly way and the next run is whole', { timeout: 60_000 }, async () => {
  const cwd = temporaryFolder()
  const dir = temporaryFolder()
  for (let n = 0; n < 3000; n++) writeFileSync(join(dir, `f${n}.md`), `# File ${n}\n\nsome words about ${n}\n`.repeat(20))
  const running = start(['run', 'codebase', '--input', `dir=${dir}`, '--trace', 'run.jsonl'], { cwd })
  await running.until(/was restarted/, 'stderr')
  running.child.kill('SIGINT')
  expect((await running.finished).code).toBe(130)
  expect((await checkedTrace(join(cwd, 'run.jsonl'))).cut).toBeUndefined()
  const { code, stdout } = await run(['run', 'codebase', '--input', `dir=${dir}`, '--json'], { cwd })
  expect(JSON.parse(stdout).report.files).toMatchObject({ listed: 3000, handled: 3000 })
  expect(code).toBe(0)
})
