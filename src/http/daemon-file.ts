import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How hooks on this machine find the node that runs on a data folder, and show that they may talk to it. Readable by its owner alone. */
export interface DaemonFile {
  url: string
  token: string
  pid: number
}

/** Writes the file; the result takes it away again, unless another node has replaced it. */
export async function writeDaemonFile(dataDir: string, daemon: DaemonFile): Promise<() => Promise<void>> {
  const path = join(dataDir, 'daemon.json')
  const fresh = `${path}.${daemon.pid}`
  await writeFile(fresh, JSON.stringify(daemon), { mode: 0o600 })
  await rename(fresh, path)
  return async () => {
    const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return undefined
    })
    if (present === JSON.stringify(daemon)) await rm(path, { force: true })
  }
}
