import { GitFailed, gitLines } from './git.ts'

export interface Commit {
  id: string
  author: string
  /** ISO 8601. */
  date: string
  subject: string
}

/** A commit of few files: what its subject says is about them. */
export interface Change {
  subject: string
  files: string[]
}

export interface History {
  commits: number
  /** More commits exist than were read. */
  more: boolean
  authors: { name: string; commits: number }[]
  newest: Commit[]
  oldest?: Commit
  /** Files in most commits. */
  changedMost: { file: string; commits: number }[]
  /** The newest that are about few files. */
  changes: Change[]
}

export interface NoHistory {
  none: string
}

const fieldSeparator = '\x1f'
const recordMark = '\x1e'
const mostFilesCounted = 20_000
const mostChanges = 60
const filesOfChange = 4

/** What the git log of the folder says, from its newest `limit` commits; the reason when there is none. */
export async function readHistory(root: string, options: { limit: number; signal?: AbortSignal }): Promise<History | NoHistory> {
  const authors = new Map<string, number>()
  const files = new Map<string, number>()
  const newest: Commit[] = []
  let oldest: Commit | undefined
  const changes: Change[] = []
  let commits = 0
  try {
    const args = ['log', `--max-count=${options.limit + 1}`, '--no-ext-diff', '--no-textconv', '--no-renames', '--relative', '--name-only',
      `--format=${recordMark}%H${fieldSeparator}%an${fieldSeparator}%aI${fieldSeparator}%s`, '--', '.']
    for await (const line of gitLines(args, { cwd: root, ...(options.signal && { signal: options.signal }) })) {
      if (line.startsWith(recordMark)) {
        commits++
        if (commits > options.limit) break
        const [id = '', author = '', date = '', subject = ''] = line.slice(1).split(fieldSeparator)
        oldest = { id, author, date, subject }
        if (newest.length < 5) newest.push(oldest)
        changes.push({ subject, files: [] })
        authors.set(author, (authors.get(author) ?? 0) + 1)
      } else if (line !== '') {
        const change = changes.at(-1)
        if (change !== undefined && change.files.length <= filesOfChange) change.files.push(line)
        if (files.has(line) || files.size < mostFilesCounted) files.set(line, (files.get(line) ?? 0) + 1)
      }
    }
  } catch (error) {
    if (error instanceof GitFailed) return { none: error.message }
    throw error
  }
  if (commits === 0) return { none: 'no commit touches this folder' }
  return {
    commits: Math.min(commits, options.limit),
    more: commits > options.limit,
    authors: most(authors, 5).map(([name, count]) => ({ name, commits: count })),
    newest,
    ...(oldest && { oldest }),
    changedMost: most(files, 10).map(([file, count]) => ({ file, commits: count })),
    changes: changes.filter((change) => change.files.length > 0 && change.files.length <= filesOfChange && change.subject.length >= 10).slice(0, mostChanges),
  }
}

function most(counts: ReadonlyMap<string, number>, limit: number): [string, number][] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, limit)
}
