import { describe, expect, test } from 'vitest'
import { fused } from '../../../scenarios/codebase/fuse.ts'
import { measured } from '../../../scenarios/codebase/measure.ts'

const hits = (...passages: number[]) => passages.map((passage, index) => ({ passage, score: 100 - index }))

describe('fused', () => {
  test('what stands in two rankings comes before what leads one', () => {
    expect(fused([{ hits: hits(1, 2, 3), weight: 1 }, { hits: hits(4, 2), weight: 1 }]).map(({ passage }) => passage)).toEqual([2, 1, 4, 3])
  })

  test('a ranking of less weight decides between equals, and overturns nobody', () => {
    expect(fused([{ hits: hits(1, 2), weight: 1 }, { hits: hits(9), weight: 0.3 }]).map(({ passage }) => passage)).toEqual([1, 2, 9])
  })

  test('without any, there is none', () => {
    expect(fused([{ hits: [], weight: 1 }])).toEqual([])
  })
})

test('measured: a commit is found when one of its files is among the first three', async () => {
  const changes = [{ subject: 'one', files: ['a', 'b'] }, { subject: 'two', files: ['c'] }]
  const byMeaning = async (subject: string): Promise<string[]> => (subject === 'one' ? ['x', 'x', 'y', 'b'] : ['x', 'y', 'z', 'c'])
  expect(await measured(changes, { byMeaning, byWords: async () => [] })).toEqual({ asked: 2, hitRate: 0.5, keywordHitRate: 0 })
})
