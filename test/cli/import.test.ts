import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folders, writeTranscripts } from '../../scenarios/remember/transcripts.ts'
import { run, temporaryFolder } from './binary.ts'

test('import claude-code takes transcripts in, tells bad lines, and does no harm again', { timeout: 60_000 }, async () => {
  const cwd = temporaryFolder()
  const { unfinished, files } = await writeTranscripts(join(cwd, 'projects'))
  const dry = await run(['import', 'claude-code', 'projects', '--dry-run'], { cwd })
  expect(dry.stdout).toMatch(/^10 sessions in 10 files: .* 1 lines could not be read\nnothing was stored/)
  const first = await run(['import', 'claude-code', 'projects', '--consolidate'], { cwd })
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n\d+ stored, 0 known already, 2 secrets taken out, \d+ lasting memories\n$/) })
  expect(first.stderr).toMatch(new RegExp(`projects/${folders.lantern.replaceAll('/', '-')}/b5-charts\\.jsonl:\\d+: unfinished, left out`))
  expect(unfinished).toMatch(/b5-charts/)
  const again = JSON.parse((await run(['import', 'claude-code', 'projects', '--consolidate', '--json'], { cwd })).stdout)
  expect(again).toMatchObject({ files, stored: 0, consolidated: 0 })
  const found = JSON.parse((await run(['memory', 'recall', 'legal limit on air time', '--project', folders.lantern, '--json', '-n', '3'], { cwd })).stdout)
  expect(found.hits.map((hit: any) => hit.text).join('\n')).toMatch(/1% air time/)
})

test('a folder without transcripts is told', async () => {
  const cwd = temporaryFolder()
  expect(await run(['import', 'claude-code', cwd])).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no transcript (*.jsonl) in') })
  expect(await run(['import', 'claude-code', join(cwd, 'nowhere')])).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be read (ENOENT)') })
})
