import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { sleep } from '../kernel/clock.ts'
import { EmbedderUnavailable, messageOf, ModelUnusable } from '../kernel/errors.ts'
import { folderFiles } from './folder.ts'
import { download, downloadFile } from './hub-download.ts'
import type { HubConnection, HubFile } from './hub-download.ts'

export interface HubModel {
  /** `owner/name`. */
  repo: string
  /** Branch, tag or commit. */
  revision: string
}

export interface HubOptions extends Omit<HubConnection, 'model'> {
  /** Models are kept in `models/` of it. */
  dataDir: string
}

/** Reads `owner/name` or `owner/name@revision`; undefined for what is none. */
export function readHubModel(model: string): HubModel | undefined {
  const [, repo, revision = 'main'] = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([A-Za-z0-9][\w.-]*))?$/.exec(model) ?? []
  return repo === undefined ? undefined : { repo, revision }
}

/** Where a model of the hub is kept. */
export function hubFolder(dataDir: string, { repo, revision }: HubModel): string {
  return join(dataDir, 'models', `${repo.replace('/', '--')}${revision === 'main' ? '' : `--${revision}`}`)
}

/** Written when all is there. */
const doneFile = 'hub.json'
/** How often a process looks whether another one is done, ms. */
const waitMs = 250

const about = z.object({
  sha: z.string(),
  siblings: z.array(z.object({ rfilename: z.string(), size: z.number().optional(), blobId: z.string().optional(), lfs: z.object({ sha256: z.string(), size: z.number() }).optional() })),
})

/**
 * Makes sure that the folder of a model holds it, and needs no network when it does. One process of a data folder downloads, the
 * others wait for it. Throws `ModelUnusable` for a model that cannot be had, `EmbedderUnavailable` for what may go better later.
 */
export async function fetchModel(model: HubModel, { dataDir, ...connection }: HubOptions): Promise<string> {
  const folder = hubFolder(dataDir, model)
  const lock = `${folder}.lock`
  while (!(await exists(join(folder, doneFile)))) {
    await mkdir(dirname(folder), { recursive: true })
    if (!(await take(lock))) {
      await sleep(connection.clock, waitMs, connection.signal)
      continue
    }
    try {
      if (!(await exists(join(folder, doneFile)))) await fill(folder, model, { ...connection, model: model.repo })
    } finally {
      held.delete(lock)
      await rm(lock, { force: true })
    }
  }
  return folder
}

async function fill(folder: string, { repo, revision }: HubModel, connection: HubConnection): Promise<void> {
  const parsed = about.safeParse(parseJson(await download(connection, `/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`)))
  if (!parsed.success) throw new EmbedderUnavailable(`${connection.endpoint} gave no description of ${repo}: is it a model hub?`)
  const files = new Map(parsed.data.siblings.map(({ rfilename, size, blobId, lfs }): [string, HubFile] => [rfilename, { path: rfilename, size: lfs?.size ?? size, sha256: lfs?.sha256, blobId: lfs === undefined ? blobId : undefined }]))
  const graph = folderFiles.graphs.find((name) => files.has(name))
  if (graph === undefined) throw new ModelUnusable(repo, 'it has no ONNX export on the hub: export it ("optimum-cli export onnx") and give the folder, or choose a model that has onnx/model.onnx')
  const missing = folderFiles.required.filter((name) => !files.has(name))
  if (missing.length > 0) throw new ModelUnusable(repo, `it has no ${missing.join(' and no ')} on the hub: choose another, or another revision`)
  const wanted = [...folderFiles.required, ...folderFiles.optional, `${graph}_data`, graph].flatMap((name) => files.get(name) ?? [])
  const total = wanted.reduce((sum, { size = 0 }) => sum + size, 0)
  let done = 0
  for (const file of wanted) {
    const target = join(folder, file.path)
    if (!(await exists(target))) {
      await mkdir(dirname(target), { recursive: true })
      await downloadFile({ ...connection, onProgress: (bytes) => connection.onProgress?.(done + bytes, total) }, `/${repo}/resolve/${parsed.data.sha}/${file.path}`, file, target)
    }
    done += file.size ?? 0
  }
  const summary = join(folder, doneFile)
  await writeFile(`${summary}.part`, JSON.stringify({ repo, revision, commit: parsed.data.sha, files: wanted.map(({ path }) => path) }))
  await rename(`${summary}.part`, summary)
}

/** Locks of this process. */
const held = new Set<string>()

/** Whether this process has the lock now. One that a process left when it died is taken over. */
async function take(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    held.add(lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''))
  // A number of its own that it does not know of is that of a process before it: in a container all are the same.
  if (holder > 0 && (holder === process.pid ? !held.has(lock) : !isAlive(holder))) await rm(lock, { force: true })
  return false
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new EmbedderUnavailable(`the hub gave no JSON (${messageOf(error)})`, error)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
