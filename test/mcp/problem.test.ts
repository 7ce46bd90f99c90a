import { expect, test } from 'vitest'
import { problemText } from '../../src/mcp/problem.ts'

test('a failure is logged without the secrets that its message quotes, and not at any length', () => {
  expect(problemText(new Error('Unexpected token in {"token":"ghp_0123456789abcdefghijABCDEFGHIJ012345"}'))).not.toMatch(/ghp_0123456789abc/)
  expect(problemText(new Error('x'.repeat(10_000)))).toHaveLength(500)
})
