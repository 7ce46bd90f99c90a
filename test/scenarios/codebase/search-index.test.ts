import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Postings } from '../../../scenarios/codebase/postings.ts'
import { SearchIndex } from '../../../scenarios/codebase/search-index.ts'

const key = (word: string): [Uint16Array, number] => [Uint16Array.from(word, (sign) => sign.charCodeAt(0)), word.length]

describe('posting lists', () => {
  test('give back what was appended, whatever the order of terms and the gaps', () => {
    fc.assert(fc.property(
      fc.array(fc.record({ word: fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'), gap: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2_000_000 })), times: fc.integer({ min: 1, max: 70_000 }) }), { maxLength: 400 }),
      (appends) => {
        const postings = new Postings()
        const model = new Map<string, [number, number][]>()
        let passage = 0
        for (const { word, gap, times } of appends) {
          passage += gap + 1
          postings.append(postings.find(...key(word), true), passage, times)
          model.set(word, [...(model.get(word) ?? []), [passage, times]])
        }
        for (const [word, expected] of model) {
          const found: [number, number][] = []
          const term = postings.find(...key(word), false)
          postings.each(term, (at, times) => found.push([at, times]))
          expect(found).toEqual(expected)
          expect(postings.count(term)).toBe(expected.length)
        }
      },
    ))
  })

  test('many terms keep apart while the tables grow, and long lists cross pages', () => {
    const postings = new Postings()
    for (let i = 0; i < 50_000; i++) postings.append(postings.find(...key(`term${i}`), true), i, 1)
    for (let i = 0; i < 400_000; i++) postings.append(postings.find(...key('common'), true), i * 70, 2)
    expect(postings.terms).toBe(50_001)
    for (const i of [0, 511, 512, 49_999]) postings.each(postings.find(...key(`term${i}`), false), (passage) => expect(passage).toBe(i))
    let next = 0
    postings.each(postings.find(...key('common'), false), (passage, times) => {
      if (passage !== next * 70 || times !== 2) throw new Error(`entry ${next} is ${passage}, ${times}`)
      next++
    })
    expect(next).toBe(400_000)
    expect(postings.find(...key('absent'), false)).toBe(-1)
  })
})

describe('ranking', () => {
  const index = (...texts: string[]): SearchIndex => {
    const made = new SearchIndex()
    for (const text of texts) made.add(text)
    return made
  }
  const order = (made: SearchIndex, query: string): number[] => made.search(query, 10).map((hit) => hit.passage)

  test('equals a plain computation of BM25 with coverage', () => {
    fc.assert(fc.property(fc.array(fc.array(fc.constantFrom('red', 'green', 'blue', 'black', 'white'), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 20 }), (documents: string[][]) => {
      const made = index(...documents.map((words) => words.join(' ')))
      const query = ['red', 'blue', 'absent']
      const average = documents.reduce((sum, words) => sum + words.length, 0) / documents.length
      const idf = (word: string): number => {
        const holding = documents.filter((words) => words.includes(word)).length
        return holding === 0 ? 0 : Math.log(1 + (documents.length - holding + 0.5) / (holding + 0.5))
      }
      const scores = documents.map((words) => {
        const norm = 1.2 * (0.25 + (0.75 * Math.max(words.length, average / 2)) / average)
        const held = query.filter((word) => words.includes(word))
        const sum = held.reduce((total, word) => {
          const times = words.filter((other) => other === word).length
          return total + (idf(word) * times * 2.2) / (times + norm)
        }, 0)
        const all = query.reduce((total, word) => total + idf(word), 0)
        return held.length === 0 ? 0 : sum * (0.5 + (0.5 * held.reduce((total, word) => total + idf(word), 0)) / all)
      })
      const hits = made.search(query.join(' '), documents.length)
      expect(hits.length).toBe(scores.filter((score) => score > 0).length)
      for (const { passage, score } of hits) expect(score).toBeCloseTo(scores[passage] ?? 0, 4)
      for (let i = 1; i < hits.length; i++) expect(hits[i - 1]!.score).toBeGreaterThanOrEqual(hits[i]!.score)
    }))
  })

  test('a rare word outweighs a common one; more of the query outweighs repetition', () => {
    expect(order(index('error error error', 'error', 'error supervisor', 'error'), 'supervisor error')[0]).toBe(2)
    expect(order(index('cat cat cat cat cat cat', 'cat dog', 'bird', 'fish'), 'cat dog')[0]).toBe(1)
  })

  test('nothing for words that do not occur, for no words, for an empty index', () => {
    expect(order(index('one', 'two'), 'three')).toEqual([])
    expect(order(index('one', 'two'), 'the of')).toEqual([])
    expect(order(index(), 'one')).toEqual([])
  })

  test('a search leaves nothing behind for the next one', () => {
    const made = index('alpha beta', 'beta gamma', 'gamma alpha')
    const first = made.search('alpha gamma', 3)
    made.search('beta', 3)
    expect(made.search('alpha gamma', 3)).toEqual(first)
  })

  test('the heading of a passage is found and adds no length', () => {
    const made = new SearchIndex()
    made.add('some text', 'src/supervisor.ts')
    made.add('some other text', 'src/mailbox.ts')
    expect(order(made, 'supervisor')).toEqual([0])
  })

  test('memory stays within the budget: passages are refused, what is there is still found', () => {
    const made = new SearchIndex({ budgetBytes: 3 * 1024 ** 2 })
    expect(made.add('needle in a haystack')).toBe(0)
    let refused = 0
    for (let i = 0; i < 20_000; i++) if (made.add(Array.from({ length: 30 }, (_, n) => `word${i}x${n}`).join(' ')) === undefined) refused++
    expect(refused).toBeGreaterThan(0)
    expect(made.bytes).toBeLessThan(4.5 * 1024 ** 2)
    expect(order(made, 'needle')).toEqual([0])
  })
})
