import { expect, it } from 'vitest'
import { kindWeights, pathKind } from '../../../scenarios/codebase/path-kind.ts'
import { SearchIndex } from '../../../scenarios/codebase/search-index.ts'

it.each([
  ['README.md', 'document'], ['docs/guide.rst', 'document'], ['INSTALL', 'document'], ['notes.txt', 'document'],
  ['test/readme.md', 'test'], ['src/a.test.ts', 'test'], ['pkg/foo_test.go', 'test'], ['tests/test_a.py', 'test'], ['spec/a_spec.rb', 'test'],
  ['src/contest.ts', 'other'], ['src/latest/index.ts', 'other'], ['lib/manifest.json', 'other'],
])('%s is a %s', (path, kind) => expect(pathKind(path)).toBe(kind))

it('prefers a document to a test, unless the question is about tests', () => {
  const index = new SearchIndex()
  const paths = ['test/a.test.ts', 'README.md', 'src/a.ts']
  for (const path of paths) index.add('the purpose of the project is to sweep the floor', path)
  const first = (question: string): string | undefined => {
    const weights = kindWeights(question)
    return paths[index.search('purpose project', 1, (passage) => weights[pathKind(paths[passage]!)])[0]!.passage]
  }
  expect(first('What is the purpose?')).toBe('README.md')
  expect(kindWeights('How is it tested?').test).toBe(1)
  expect(kindWeights('What is the latest?').test).toBeLessThan(1)
})
