import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../kernel/clock.ts'
import { StoreMisconfigured, StoreUnavailable } from '../../kernel/errors.ts'

export interface PrivateRedisOptions {
  /** Default: a free one. */
  port?: number
  /** Default: a temporary folder, removed by `stop`. */
  dataDir?: string
  /** Append-only file, synced every second. Default false: nothing is kept over a kill. */
  appendonly?: boolean
}

/** A redis-server of our own, on loopback, which ends with this process, however that ends. */
export interface PrivateRedis {
  readonly url: string
  readonly port: number
  /** Of the running server; the last one while there is none. */
  readonly pid: number
  /** SIGKILL; port and data stay for `restart`. */
  kill(): Promise<void>
  /** Orderly end, then a new process on the same port and data. */
  restart(): Promise<void>
  /** Ends it for good. Twice is harmless. */
  stop(): Promise<void>
}

const startMs = 15_000

/** @throws StoreMisconfigured when there is no redis-server on PATH, StoreUnavailable when it does not start */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const dir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'hivemind-redis-')))
  const appendonly = options.appendonly ? 'yes' : 'no'
  const launch = (port: number): Promise<ChildProcess> => launchServer(['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', appendonly, '--maxmemory-policy', 'noeviction'], options.dataDir === undefined ? dir : '')
  let port = 0
  let server: ChildProcess | undefined
  for (let tries = 0; server === undefined; tries++) {
    port = options.port ?? (await freePort())
    try {
      server = await launch(port)
    } catch (error) {
      // Someone else may have taken the free port in the meantime.
      if (tries < 3 && options.port === undefined && String(error).includes('Address already in use')) continue
      if (options.dataDir === undefined) await rm(dir, { recursive: true, force: true })
      throw error
    }
  }
  let running: ChildProcess = server

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    const exited = once(running, 'exit')
    running.ref()
    running.kill(signal)
    await exited
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return running.pid!
    },
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM')
      running = await launch(port)
    },
    async stop() {
      await end('SIGTERM')
      if (options.dataDir === undefined) await rm(dir, { recursive: true, force: true })
    },
  }
}

/** `temporary`: a folder that goes with the server when this process is killed. */
async function launchServer(args: readonly string[], temporary: string): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const deadline = systemClock.timer(startMs, () => {
      child.kill('SIGKILL')
      reject(new StoreUnavailable(`redis-server was not ready within ${startMs} ms: ${lastLines(log)}`))
    })
    const read = (chunk: Buffer): void => {
      log = (log + String(chunk)).slice(-10_000)
      if (log.includes('Ready to accept connections')) {
        deadline.cancel()
        resolve()
      }
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', (error: NodeJS.ErrnoException) => {
      deadline.cancel()
      reject(error.code === 'ENOENT'
        ? new StoreMisconfigured('there is no redis-server on PATH: install it with "npm run setup", or give the URL of a Redis 7.0 or newer', error)
        : new StoreUnavailable(`redis-server could not be started: ${error.message}`, error))
    })
    child.once('close', () => {
      deadline.cancel()
      reject(new StoreUnavailable(`redis-server ended at once: ${lastLines(log)}`))
    })
  })
  // Read on, so that the server never waits for a full pipe; the pipes do not keep this process alive.
  for (const stream of [child.stdout, child.stderr]) {
    stream.removeAllListeners('data')
    stream.resume()
    unref(stream)
  }
  child.unref()
  tie(child, temporary)
  return child
}

/** A shell that waits for our end of a pipe to close, which even a SIGKILL of this process does, and then ends the server and removes its folder. */
function tie(child: ChildProcess, temporary: string): void {
  const script = 'cat > /dev/null; kill -9 "$1" 2> /dev/null; if [ -n "$2" ]; then rm -rf -- "$2"; fi'
  const tether = spawn('sh', ['-c', script, 'tether', String(child.pid), temporary], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  tether.unref()
  unref(tether.stdin)
  child.once('exit', () => tether.kill('SIGKILL'))
}

/** Pipes are sockets underneath, which the stream types do not say. */
function unref(stream: unknown): void {
  (stream as { unref(): void }).unref()
}

function lastLines(log: string): string {
  return log.trim().split('\n').slice(-3).join(' | ') || 'it said nothing'
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new StoreUnavailable('no free port on 127.0.0.1')
  return address.port
}
