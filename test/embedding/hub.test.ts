import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fetchModel, hubFolder, readHubModel } from '../../src/embedding/hub.ts'
import type { HubOptions } from '../../src/embedding/hub.ts'
import { openOnnxModel } from '../../src/embedding/onnx-model.ts'
import { createHive } from '../../src/index.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { EmbedderUnavailable, ModelUnusable } from '../../src/kernel/errors.ts'
import { layeredGraph, modelFolder, temporaryFolder } from './models.ts'

interface Hub {
  endpoint: string
  /** Host, path and what was sent with it. */
  asked: { from: 'hub' | 'files'; path: string; range?: string; token?: string }[]
  /** Answers itself, when it returns true. */
  before?(request: IncomingMessage, response: ServerResponse, from: 'hub' | 'files'): boolean
  files: Map<string, Buffer>
  close(): Promise<void>
}

const large = 'onnx/model.onnx'

/** Speaks as the hub does: a description with sizes and hashes, small files at once, large ones by a redirect to another host. */
async function hub(path: string): Promise<Hub> {
  const files = new Map((readdirSync(path, { recursive: true }) as string[]).filter((file) => statSync(join(path, file)).isFile()).map((file) => [file, readFileSync(join(path, file))]))
  files.set('pytorch_model.bin', Buffer.alloc(10))
  const serve = (from: 'hub' | 'files') => (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url!, 'http://here')
    const { range, authorization } = request.headers
    made.asked.push({ from, path: decodeURIComponent(url.pathname), ...(range !== undefined && { range }), ...(authorization !== undefined && { token: authorization }) })
    if (made.before?.(request, response, from)) return
    if (url.pathname.startsWith('/api/models/acme/tiny/revision/')) {
      const siblings = [...files].map(([rfilename, bytes]) => ({
        rfilename, size: bytes.length,
        ...(rfilename === large ? { blobId: 'pointer', lfs: { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length } } : { blobId: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex') }),
      }))
      response.end(JSON.stringify({ id: 'acme/tiny', sha: 'c0ffee', siblings }))
      return
    }
    const file = url.pathname.replace(/^\/(acme\/tiny\/resolve\/c0ffee|blobs)\//, '')
    const bytes = files.get(file)
    if (bytes === undefined) return void response.writeHead(404).end()
    if (from === 'hub' && file === large) return void response.writeHead(302, { location: `${other}/blobs/${file}` }).end()
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': bytes.length - start, ...(start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }) }).end(bytes.subarray(start))
  }
  const servers: Server[] = []
  const listen = async (from: 'hub' | 'files'): Promise<string> => {
    const server = createServer(serve(from))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const other = await listen('files')
  const made: Hub = {
    endpoint: await listen('hub'), asked: [], files,
    close: async () => void (await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() })))),
  }
  onTestFinished(() => made.close())
  return made
}

const tiny = readHubModel('acme/tiny')!
const options = (from: Hub, more: Partial<HubOptions> = {}): HubOptions => ({ dataDir: temporaryFolder(), endpoint: from.endpoint, clock: systemClock, ...more })

it.each([
  ['acme/tiny', { repo: 'acme/tiny', revision: 'main' }, 'acme--tiny'], ['a.b/c_d-e@v1.0', { repo: 'a.b/c_d-e', revision: 'v1.0' }, 'a.b--c_d-e--v1.0'],
  ['builtin', undefined, ''], ['./acme/tiny', undefined, ''], ['/models/tiny', undefined, ''], ['acme/tiny/onnx', undefined, ''], ['../tiny', undefined, ''], ['acme/..', undefined, ''],
])('%s is a model of the hub, or none', (text, model, folder) => {
  expect(readHubModel(text)).toEqual(model)
  if (model !== undefined) expect(hubFolder('/data', model)).toBe(`/data/models/${folder}`)
})

describe('a model of the hub', () => {
  it('is downloaded once, what is needed of it, and works; then no network is needed', async () => {
    const from = await hub(modelFolder({ graph: layeredGraph() }))
    const told: [number, number][] = []
    const given = options(from, { token: 'secret', onProgress: (bytes, total) => told.push([bytes, total]) })
    const folder = await fetchModel(tiny, given)
    const model = await openOnnxModel(folder, { threads: 1 })
    expect(model.key).toMatch(/^acme--tiny@/)
    await model.close()
    expect(existsSync(join(folder, 'pytorch_model.bin'))).toBe(false)
    expect(readdirSync(dirname(folder))).toEqual(['acme--tiny'])
    const [bytes, total] = told.at(-1)!
    expect(bytes).toBe(total)
    expect(total).toBe(['config.json', 'tokenizer.json', 'tokenizer_config.json', large].reduce((sum, file) => sum + from.files.get(file)!.length, 0))
    // The token is for the hub; the host that has the large files never sees it.
    expect(from.asked.filter(({ from: host }) => host === 'files').map(({ token }) => token)).toEqual([undefined])
    expect(from.asked.filter(({ from: host }) => host === 'hub').every(({ token }) => token === 'Bearer secret')).toBe(true)
    await from.close()
    expect(await fetchModel(tiny, given)).toBe(folder)
  })

  it('is downloaded by one of those who want it at the same time, also when one died over it', async () => {
    const from = await hub(modelFolder())
    // No process has the first number; the second is our own, and we know nothing of it.
    for (const [round, pid] of [4_194_999, process.pid].entries()) {
      const given = options(from)
      const lock = `${hubFolder(given.dataDir, tiny)}.lock`
      mkdirSync(dirname(lock), { recursive: true })
      writeFileSync(lock, String(pid))
      await Promise.all([fetchModel(tiny, given), fetchModel(tiny, given), fetchModel(tiny, given)])
      expect(existsSync(lock)).toBe(false)
      expect(from.asked.filter(({ path }) => path.startsWith('/api/'))).toHaveLength(round + 1)
    }
  })

  it('goes on where the connection ended, and where an earlier process ended', async () => {
    const from = await hub(modelFolder())
    const size = from.files.get(large)!.length
    const given = options(from)
    const arriving = join(hubFolder(given.dataDir, tiny), `${large}.part`)
    let cuts = 0
    from.before = (_request, response, host) => {
      if (host === 'hub' || cuts++ > 0) return false
      response.writeHead(200, { 'content-length': size }).write(from.files.get(large)!.subarray(0, 100))
      const cut = (): unknown => (existsSync(arriving) && statSync(arriving).size === 100 ? response.destroy() : setImmediate(cut))
      cut()
      return true
    }
    await fetchModel(tiny, given)
    expect(from.asked.filter(({ from: host }) => host === 'files').map(({ range }) => range)).toEqual([undefined, 'bytes=100-'])

    const again = options(from)
    const part = join(hubFolder(again.dataDir, tiny), `${large}.part`)
    mkdirSync(dirname(part), { recursive: true })
    writeFileSync(part, from.files.get(large)!.subarray(0, 60))
    await fetchModel(tiny, again)
    expect(from.asked.at(-1)!.range).toBe('bytes=60-')
    expect(readFileSync(join(hubFolder(again.dataDir, tiny), large))).toEqual(from.files.get(large))
  })

  it('is not taken when it is damaged, and thrown away when what was there was', async () => {
    const from = await hub(modelFolder())
    const bytes = from.files.get(large)!
    const given = options(from)
    const part = join(hubFolder(given.dataDir, tiny), `${large}.part`)
    mkdirSync(dirname(part), { recursive: true })
    writeFileSync(part, Buffer.alloc(50))
    await fetchModel(tiny, given)
    expect(readFileSync(part.slice(0, -'.part'.length))).toEqual(bytes)
    from.before = (_request, response, host) => {
      if (host === 'files') response.end(Buffer.alloc(bytes.length))
      return host === 'files'
    }
    const failed = fetchModel(tiny, options(from))
    await expect(failed).rejects.toThrow(EmbedderUnavailable)
    await expect(failed).rejects.toThrow(/not downloaded from .* in 5 tries \(onnx\/model.onnx arrived damaged/)
  })

  it('is waited for when the hub is busy, or silent in the middle', async () => {
    const from = await hub(modelFolder())
    let busy = 0
    from.before = (_request, response) => {
      if (busy++ > 0) return false
      response.writeHead(429, { 'retry-after': '0.01' }).end()
      return true
    }
    await fetchModel(tiny, options(from))
    let silent = 0
    from.before = (_request, response, host) => {
      if (host === 'hub' || silent++ > 0) return false
      response.writeHead(200, { 'content-length': from.files.get(large)!.length }).write(from.files.get(large)!.subarray(0, 10))
      return true
    }
    await fetchModel(tiny, options(from, { stallMs: 150 }))
    expect(silent).toBe(2)
  })

  it.each<[string, (from: Hub) => void, new (...of: never[]) => Error, RegExp]>([
    ['401', (from) => { from.before = (_, response) => (response.writeHead(401).end(), true) }, ModelUnusable, /refuses it \(401\).*HF_TOKEN/],
    ['404', (from) => { from.before = (_, response) => (response.writeHead(404).end(), true) }, ModelUnusable, /no such model, revision or file \(404\)/],
    ['no ONNX export', (from) => from.files.delete(large), ModelUnusable, /no ONNX export on the hub: export it/],
    ['no tokenizer', (from) => from.files.delete('tokenizer.json'), ModelUnusable, /has no tokenizer.json on the hub/],
    ['no JSON', (from) => { from.before = (_, response) => (response.end('<html>'), true) }, EmbedderUnavailable, /the hub gave no JSON/],
    ['JSON of something else', (from) => { from.before = (_, response) => (response.end('{}'), true) }, EmbedderUnavailable, /gave no description of acme\/tiny: is it a model hub/],
    ['redirects without end', (from) => { from.before = (_, response) => (response.writeHead(302, { location: '/again' }).end(), true) }, EmbedderUnavailable, /redirects more than 5 times/],
  ])('that cannot be had says why: %s', async (_, spoil, kind, message) => {
    const from = await hub(modelFolder())
    spoil(from)
    const given = options(from)
    const failed = fetchModel(tiny, given)
    await expect(failed).rejects.toThrow(kind)
    await expect(failed).rejects.toThrow(message)
    expect(existsSync(`${hubFolder(given.dataDir, tiny)}.lock`)).toBe(false)
  })

  it('says that there is no network, and waits no longer for a caller that has gone', async () => {
    const from = await hub(modelFolder())
    await from.close()
    await expect(fetchModel(tiny, options(from))).rejects.toThrow(/in 5 tries .*connect to the network, or copy its folder/)
    const silent = await hub(modelFolder())
    const controller = new AbortController()
    silent.before = () => {
      controller.abort(new Error('gone'))
      return true
    }
    await expect(fetchModel(tiny, options(silent, { signal: controller.signal }))).rejects.toThrow('gone')
  })

  it('is what a hive embeds with', async () => {
    const from = await hub(modelFolder())
    const before = process.env['HF_ENDPOINT']
    process.env['HF_ENDPOINT'] = `${from.endpoint}/`
    const hive = await createHive({ dataDir: temporaryFolder(), embedder: { model: 'acme/tiny@main' }, log: { level: 'silent' } })
    try {
      expect(await hive.embed(['red'])).toMatchObject({ dimension: 8, model: expect.stringMatching(/^acme--tiny@/) })
    } finally {
      await hive.stop()
      if (before === undefined) delete process.env['HF_ENDPOINT']
      else process.env['HF_ENDPOINT'] = before
    }
  })
})
