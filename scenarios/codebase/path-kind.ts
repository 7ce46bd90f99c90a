/** What a file is by its path: what people wrote for people answers a question sooner than code, and tests later. */
export type PathKind = 'document' | 'test' | 'other'

const documents = /(^|\/)(readme|architecture|contributing|changelog|design|install|usage|faq|overview)[^/]*$|\.(md|mdx|markdown|rst|adoc|txt|org)$/i
const tests = /(^|\/)(tests?|__tests__|specs?|fixtures?|testdata|e2e)\/|[._-](test|spec|bench)s?\.[^/]+$|(^|\/)test_[^/]+$/i

export function pathKind(path: string): PathKind {
  if (tests.test(path)) return 'test'
  return documents.test(path) ? 'document' : 'other'
}

/** What the score of a passage is multiplied with. A question about tests is answered from tests like from any other file. */
export function kindWeights(question: string): Record<PathKind, number> {
  return { document: 1.3, test: /\b(tests?|tested|testing|specs?)\b/i.test(question) ? 1 : 0.7, other: 1 }
}
