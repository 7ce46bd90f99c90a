import { readFileSync } from 'node:fs'

/** Queries, candidates, and the index of each query's only right candidate. */
export interface JudgedSet {
  queries: string[]
  candidates: string[]
  right: number[]
}

type Query = { q: string; id: string } | { q: string; p: string }

const read = <Line>(name: string): Line[] =>
  readFileSync(new URL(`./sets/${name}.jsonl`, import.meta.url), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Line)

/** Passages a set is searched in, by the first letter of their ids: sentences, documentation, code, options. */
const pools: Record<string, string> = {
  'paraphrase-written': 'sc', 'paraphrase-options': 'sc',
  'question-written': 'dk', 'question-docs': 'dk', 'question-code': 'dk',
  'error-fix': 'sd',
}

/** What the sets judge together. */
export const groups: Record<string, string[]> = {
  paraphrase: ['paraphrase-written', 'paraphrase-options'],
  question: ['question-written', 'question-docs', 'question-code'],
  error: ['error-fix'],
}

/** The sets of README.md in this folder. Written answers (`p`) join their pool; a paraphrase is searched among all of them. */
export function judgedSets(): Map<string, JudgedSet> {
  const passages = read<{ id: string; text: string }>('passages')
  const rewordings = read<{ p: string }>('paraphrase-written').map(({ p }) => p)
  return new Map(Object.entries(pools).map(([name, pool]) => {
    const queries = read<Query>(name)
    const chosen = passages.filter(({ id }) => pool.includes(id.charAt(0)))
    const at = new Map(chosen.map(({ id }, index) => [id, index]))
    const written = queries.flatMap((query) => 'p' in query ? [query.p] : [])
    const added = name.startsWith('paraphrase') ? rewordings : written
    return [name, {
      queries: queries.map(({ q }) => q),
      candidates: [...chosen.map(({ text }) => text), ...added],
      right: queries.map((query, index) => 'p' in query ? chosen.length + index : at.get(query.id)!),
    }]
  }))
}
