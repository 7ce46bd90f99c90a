import type { Channel, Memory, MemoryInput } from '../hive.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { projectOf } from '../project.ts'
import { readTranscript } from './read.ts'
import type { TranscriptFile } from './find.ts'
import type { BadLine, Role, Turn } from './types.ts'

export interface TranscriptImport {
  files: number
  sessions: number
  turns: Record<Role, number>
  stored: number
  /** Known already, by the same or nearly the same text. */
  duplicates: number
  /** Turns that nothing was left of, or that were refused. */
  skipped: number
  /** Secrets taken out. */
  redactions: number
  /** Semantic memories made, with `consolidate`. */
  consolidated: number
  /** The first hundred. */
  bad: (BadLine & { file: string })[]
  badCount: number
}

export interface ImportOptions {
  /** Put into this project; default: the one of the folder that each session worked in. */
  project?: string | undefined
  consolidate?: boolean
  /** Read and count, and store nothing. */
  dryRun?: boolean
  signal?: AbortSignal
  onBytes?(bytes: number): void
  onConsolidate?(done: number, total: number): void
}

const pageTurns = 200
const shownBad = 100
/** Whose word it is: a person's, told by a program; an agent's; a tool's. */
const channels: Readonly<Record<Role, Channel>> = { user: 'program', assistant: 'agent', tool: 'tool' }

/** How far a turn is trusted: what a tool fetched from the web less than what it did here. */
export function channelOf({ role, tool }: Pick<Turn, 'role' | 'tool'>): Channel {
  return tool !== undefined && /^Web(Fetch|Search)$/.test(tool) ? 'web' : channels[role]
}

/** Takes transcripts into the memory. Ids are made from the texts, so that doing it again adds nothing. */
export async function importTranscripts(memory: Memory, files: readonly TranscriptFile[], options: ImportOptions): Promise<TranscriptImport> {
  const result: TranscriptImport = { files: files.length, sessions: 0, turns: { user: 0, assistant: 0, tool: 0 }, stored: 0, duplicates: 0, skipped: 0, redactions: 0, consolidated: 0, bad: [], badCount: 0 }
  const sessions = new Map<string, { session: string; project: string | undefined }>()
  const projects = new Map<string, string>()
  let page: Turn[] = []
  const projectIn = (cwd: string | undefined): string | undefined => {
    if (options.project !== undefined || cwd === undefined) return options.project
    const known = projects.get(cwd) ?? projectOf(cwd)
    projects.set(cwd, known)
    return known
  }
  const flush = async (): Promise<void> => {
    const turns = page
    page = []
    if (options.dryRun) return
    const groups = new Map<string, { view: Memory; items: MemoryInput[] }>()
    for (const turn of turns) {
      const name = turn.tool ?? 'claude-code'
      const group = groups.get(`${turn.role} ${name}`) ?? { view: memory.as({ channel: channelOf(turn), name }), items: [] }
      group.items.push(itemOf(turn, projectIn(turn.cwd)))
      groups.set(`${turn.role} ${name}`, group)
    }
    for (const { view, items } of groups.values()) await store(view, items, result)
  }
  for (const { path } of files) {
    for await (const read of readTranscript(path)) {
      options.signal?.throwIfAborted()
      if ('bytes' in read) options.onBytes?.(read.bytes)
      else if ('bad' in read) {
        result.badCount++
        if (result.bad.length < shownBad) result.bad.push({ file: path, ...read.bad })
      } else {
        const { turn } = read
        const project = projectIn(turn.cwd)
        sessions.set(JSON.stringify([project, turn.session]), { session: turn.session, project })
        result.turns[turn.role]++
        page.push(turn)
        if (page.length >= pageTurns) await flush()
      }
    }
  }
  await flush()
  result.sessions = sessions.size
  if (options.consolidate && !options.dryRun) result.consolidated = await consolidate(memory, [...sessions.values()], options)
  return result
}

function itemOf({ text, session, at, role }: Turn, project: string | undefined): MemoryInput {
  return { text, ...(role === 'user' && { source: 'prompt' }), scope: { session, ...(project !== undefined && { project }) }, ...(at !== undefined && { at }) }
}

/** What one item is refused for does not stop the others. */
async function store(view: Memory, items: readonly MemoryInput[], result: TranscriptImport): Promise<void> {
  try {
    for (const { duplicateOf, redactions } of await view.store(items)) {
      if (duplicateOf === undefined) result.stored++
      else result.duplicates++
      for (const { count } of redactions) result.redactions += count
    }
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error
    if (items.length === 1) result.skipped++
    else for (const half of [items.slice(0, items.length / 2), items.slice(items.length / 2)]) await store(view, half, result)
  }
}

async function consolidate(memory: Memory, sessions: readonly { session: string; project: string | undefined }[], { signal, onConsolidate }: ImportOptions): Promise<number> {
  let made = 0
  for (const [index, { session, project }] of sessions.entries()) {
    for (let episodes = 1; episodes > 0;) {
      signal?.throwIfAborted()
      const part = await memory.consolidate(session, { scope: project === undefined ? {} : { project }, ...(signal !== undefined && { signal }) })
      made += part.made.length
      episodes = part.episodes
    }
    onConsolidate?.(index + 1, sessions.length)
  }
  return made
}
