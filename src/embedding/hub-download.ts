import { createHash } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import type { Clock } from '../kernel/clock.ts'
import { sleep } from '../kernel/clock.ts'
import { EmbedderUnavailable, HivemindError, messageOf, ModelUnusable } from '../kernel/errors.ts'

export interface HubConnection {
  /** Without a slash at the end, as in `https://huggingface.co`. */
  endpoint: string
  /** Sent to the host of the endpoint and to no other. */
  token?: string
  clock: Clock
  /** The model, for messages. */
  model: string
  signal?: AbortSignal
  /** Bytes of all that is wanted, and how many are there. */
  onProgress?(bytes: number, total: number): void
  /** Silence after which a transfer is begun anew, ms. */
  stallMs?: number
}

export interface HubFile {
  path: string
  size?: number
  /** Of a large file, and of any other: its name in git. */
  sha256?: string
  blobId?: string
}

const maxTries = 5
const maxRedirects = 5
const defaultStallMs = 30_000
/** No longer than this does a server make us wait for it, ms. */
const maxWaitMs = 30_000

type FileConnection = Omit<HubConnection, 'onProgress'> & { onProgress(bytes: number): void }

/** Worth another try. */
class Interrupted extends Error {
  readonly waitMs: number
  constructor(message: string, waitMs = 200) {
    super(message)
    this.waitMs = waitMs
  }
}

/** GET of a small document. */
export function download(connection: HubConnection, path: string): Promise<string> {
  return retried(connection, () => watched(connection, async (signal) => (await get(connection, path, {}, signal)).text()))
}

/** GET of a file: what an earlier try left is gone on from, what does not have the promised size and hash is thrown away. */
export async function downloadFile(connection: FileConnection, path: string, file: HubFile, target: string): Promise<void> {
  const part = `${target}.part`
  await retried(connection, async () => {
    const had = (await stat(part).catch(() => undefined))?.size ?? 0
    if (file.size === undefined || had < file.size) await watched(connection, (signal, alive) => append(connection, path, part, had, signal, alive))
    const content = await sumsOf(part, file)
    if (content.size !== (file.size ?? content.size) || content.wrong) {
      // Shorter: the connection ended early, and the next try goes on. Else it is damaged.
      if (content.size >= (file.size ?? 0)) await rm(part, { force: true })
      throw new Interrupted(`${file.path} arrived ${content.size < (file.size ?? 0) ? `cut off (${content.size} of ${file.size} bytes)` : 'damaged (it does not have the size and hash that the hub promised)'}`)
    }
  })
  await rename(part, target)
}

async function append(connection: FileConnection, path: string, part: string, had: number, signal: AbortSignal, alive: () => void): Promise<void> {
  const response = await get(connection, path, had > 0 ? { range: `bytes=${had}-` } : {}, signal)
  const goesOn = response.status === 206 && (response.headers.get('content-range') ?? '').startsWith(`bytes ${had}-`)
  const out = await open(part, goesOn ? 'a' : 'w')
  try {
    let bytes = goesOn ? had : 0
    for await (const chunk of response.body ?? []) {
      alive()
      await out.write(chunk)
      bytes += chunk.length
      connection.onProgress(bytes)
    }
    await out.sync()
  } finally {
    await out.close()
  }
}

/** Redirects are followed by hand: the token goes to the host that it is for, and no further. */
async function get(connection: Omit<HubConnection, 'onProgress'>, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const { endpoint, token, model } = connection
  const home = new URL(endpoint)
  let url = new URL(`${endpoint}${path}`)
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const authorised = token !== undefined && url.host === home.host && url.protocol === home.protocol
    const response = await fetch(url, { headers: { ...headers, ...(authorised && { authorization: `Bearer ${token}` }) }, redirect: 'manual', signal })
    const { status } = response
    const location = response.headers.get('location')
    if (status >= 300 && status < 400 && location !== null) {
      await response.body?.cancel()
      url = new URL(location, url)
      continue
    }
    if (status === 200 || status === 206) return response
    await response.body?.cancel()
    if (status === 401 || status === 403) throw new ModelUnusable(model, `${home.host} refuses it (${status}): it does not exist, is private or wants its terms accepted; set HF_TOKEN to a token that may read it`)
    if (status === 404) throw new ModelUnusable(model, `${home.host} has no such model, revision or file (404): see to the spelling of owner/name@revision`)
    if (status === 416) throw new Interrupted('what was there of the file does not fit it')
    if (status === 429 || status >= 500) throw new Interrupted(`${url.host} answers ${status}`, Math.min(maxWaitMs, 1_000 * (Number(response.headers.get('retry-after')) || 1)))
    throw new EmbedderUnavailable(`the model ${model} was not downloaded: ${url.host} answers ${status}`)
  }
  throw new EmbedderUnavailable(`the model ${model} was not downloaded: ${home.host} redirects more than ${maxRedirects} times`)
}

/** Ends `work` when nothing is heard for too long, or the caller has gone. */
async function watched<Result>({ clock, signal, stallMs = defaultStallMs }: Omit<HubConnection, 'onProgress'>, work: (signal: AbortSignal, alive: () => void) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const stalled = (): void => controller.abort(new Interrupted(`nothing came for ${stallMs} ms`))
  let timer = clock.timer(stallMs, stalled)
  const onAbort = (): void => controller.abort(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await work(controller.signal, () => {
      timer.cancel()
      timer = clock.timer(stallMs, stalled)
    })
  } catch (error) {
    throw controller.signal.aborted && controller.signal.reason instanceof Interrupted ? controller.signal.reason : error
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

async function retried<Result>({ clock, signal, model, endpoint }: Omit<HubConnection, 'onProgress'>, attempt: () => Promise<Result>): Promise<Result> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof HivemindError || signal?.aborted || isOfDisk(error)) throw error
      if (tried >= maxTries) throw new EmbedderUnavailable(`the model ${model} was not downloaded from ${endpoint} in ${maxTries} tries (${messageOf(error)}${causeOf(error)}): connect to the network, or copy its folder and give the path`, error)
      await sleep(clock, error instanceof Interrupted ? error.waitMs : 100 * 2 ** tried, signal)
    }
  }
}

function isOfDisk(error: unknown): boolean {
  return ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function causeOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : ''
}

async function sumsOf(path: string, { size, sha256, blobId }: HubFile): Promise<{ size: number; wrong: boolean }> {
  const found = (await stat(path)).size
  if (found !== (size ?? found)) return { size: found, wrong: true }
  if (sha256 === undefined && blobId === undefined) return { size: found, wrong: false }
  const hash = createHash(sha256 === undefined ? 'sha1' : 'sha256')
  if (sha256 === undefined) hash.update(`blob ${found}\0`)
  const file = await open(path)
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer)
  } finally {
    await file.close()
  }
  return { size: found, wrong: hash.digest('hex') !== (sha256 ?? blobId) }
}
