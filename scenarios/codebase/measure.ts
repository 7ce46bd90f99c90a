import type { Change } from './history.ts'

export interface Measured {
  /** Commits whose subject was asked. */
  asked: number
  /** Share of them for which a file of the commit is among the first three files found. */
  hitRate: number
  keywordHitRate: number
}

/** Files of the passages that a ranking finds for a question, best first. */
export type FilesFor = (question: string, limit: number) => Promise<string[]>

const within = 3

/** How well the files of a commit are found by its subject, by meaning and by words alone. */
export async function measured(changes: readonly Change[], { byMeaning, byWords }: { byMeaning: FilesFor; byWords: FilesFor }): Promise<Measured> {
  const hits = { meaning: 0, words: 0 }
  for (const { subject, files } of changes) {
    const found = (ranked: readonly string[]): boolean => [...new Set(ranked)].slice(0, within).some((path) => files.includes(path))
    if (found(await byMeaning(subject, within))) hits.meaning++
    if (found(await byWords(subject, within))) hits.words++
  }
  const share = (count: number): number => Math.round((count / Math.max(1, changes.length)) * 1000) / 1000
  return { asked: changes.length, hitRate: share(hits.meaning), keywordHitRate: share(hits.words) }
}
