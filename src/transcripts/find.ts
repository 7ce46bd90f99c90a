import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgument } from '../kernel/errors.ts'

export interface TranscriptFile {
  path: string
  bytes: number
}

/** The transcripts in a folder and below, by name: `~/.claude/projects`, the folder of one project, or one file. */
export async function findTranscripts(path: string): Promise<TranscriptFile[]> {
  const kind = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InvalidArgument('folder', `${path} cannot be read (${error.code}): give the folder of the transcripts, as in ~/.claude/projects`)
  })
  if (kind.isFile()) return [{ path, bytes: kind.size }]
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl')).map((entry) => join(entry.parentPath, entry.name)).sort()
  return Promise.all(names.map(async (name) => ({ path: name, bytes: (await stat(name)).size })))
}
