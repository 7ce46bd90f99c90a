import { expect, test } from 'vitest'
import { run } from '../cli/binary.ts'

test('remember: transcripts answer questions, also without Redis; a conflict of a session is settled', { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await run(['run', 'remember', '--json'])
  expect(stderr).toBe('')
  const { report, expectations } = JSON.parse(stdout)
  expect(expectations.filter((expectation: { ok: boolean }) => !expectation.ok)).toEqual([])
  expect(report).toMatchObject({ taken: { sessions: 10, badCount: 1 }, again: { stored: 0, consolidated: 0 }, leaked: 0, questions: 19, modes: ['hybrid'], storedAway: true, sessionAway: true, seenByOther: true })
  expect(report.hitRate).toBeGreaterThanOrEqual(0.9)
  expect(report.conflicts).toEqual([{ subject: 'session:{remember}#currentTask', ours: expect.objectContaining({ value: expect.stringContaining('wants it') }), theirs: expect.objectContaining({ value: expect.stringContaining('wants it') }) }])
  expect(new Set(report.settled).size).toBe(1)
  expect(code).toBe(0)
})

test('remember with transcripts of somebody says where they were looked for', async () => {
  const { code, stderr } = await run(['run', 'remember', '--input', 'dir=/nowhere/at/all'])
  expect(stderr).toMatch(/\/nowhere\/at\/all cannot be read \(ENOENT\)/)
  expect(code).not.toBe(0)
})
