import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'

export interface RedisServerOptions {
  /** Default: one that is free. */
  port?: number
  /** Append-only file, every second as in production. Default true. */
  appendonly?: boolean
  appendfsync?: 'always' | 'everysec' | 'no'
  /** maxmemory-policy. Default noeviction. */
  policy?: string
  /** As in redis.conf, e.g. '20mb'. */
  maxmemory?: string
  /** requirepass */
  password?: string
  /** ACL lines without the word `user`, e.g. `alice on >secret ~* &* +@all`. */
  acl?: readonly string[]
  /** TLS on the port instead of plain TCP, with a certificate of its own (`caFile`). */
  tls?: boolean
  /** Listens on a Unix socket only, on no port. */
  unixSocket?: boolean
  /** Cluster node; see redis-cluster.ts. */
  cluster?: boolean
  /** Further redis.conf lines. */
  config?: readonly string[]
}

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Path of the Unix socket, when that was asked for. */
  readonly socket?: string
  readonly dir: string
  /** PEM of the authority that signed the server's certificate, when TLS is on. */
  readonly ca?: string
  readonly pid: number
  /** Options for a plain ioredis client of this server. */
  readonly options: RedisOptions
  /** A new client; the caller disconnects it. */
  client(options?: RedisOptions): Redis
  /** One command over a connection of its own. */
  command(...args: string[]): Promise<unknown>
  /** FLUSHALL. */
  flush(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void
  thaw(): void
  /** SIGKILL, and waits until it is gone. Data and port stay for `restart`. */
  kill(): Promise<void>
  /** Orderly shutdown (saves); data and port stay for `restart`. */
  shutdown(): Promise<void>
  /** Starts it again on the same port and data, or on no data with `empty`. */
  restart(options?: { empty?: boolean }): Promise<void>
  /** Ends it for good and removes its folder. Twice is harmless. */
  stop(): Promise<void>
}

const running = new Set<number>()
process.on('exit', () => {
  for (const pid of running) killQuietly(pid)
})

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function makeCertificate(dir: string): string {
  const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key', '-out', 'server.crt',
    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1')
  return readFileSync(join(dir, 'server.crt'), 'utf8')
}

async function writeConfig(dir: string, options: RedisServerOptions): Promise<number> {
  const port = options.unixSocket ? 0 : options.port ?? await freePort()
  const lines = [
    'bind 127.0.0.1',
    options.tls ? `port 0\ntls-port ${port}\ntls-cert-file server.crt\ntls-key-file server.key\ntls-ca-cert-file server.crt\ntls-auth-clients no` : `port ${port}`,
    `dir ${dir}`,
    'daemonize no',
    'save ""',
    `appendonly ${options.appendonly === false ? 'no' : 'yes'}`,
    `appendfsync ${options.appendfsync ?? 'everysec'}`,
    `maxmemory-policy ${options.policy ?? 'noeviction'}`,
    'enable-debug-command yes',
    ...(options.unixSocket ? [`unixsocket ${join(dir, 'redis.sock')}`] : []),
    ...(options.maxmemory === undefined ? [] : [`maxmemory ${options.maxmemory}`]),
    ...(options.password === undefined ? [] : [`requirepass "${options.password}"`]),
    ...(options.acl ?? []).map((line) => `user ${line}`),
    ...(options.cluster ? ['cluster-enabled yes', `cluster-port ${await freePort()}`, 'cluster-node-timeout 2000'] : []),
    ...(options.config ?? []),
  ]
  writeFileSync(join(dir, 'redis.conf'), lines.join('\n'))
  return port
}

/** Ends the server when this process ends, in whatever way. */
function tie(child: ChildProcess, pid: number, dir: string): void {
  running.add(pid)
  const tether = spawn('sh', ['-c', `cat > /dev/null; kill -9 ${pid} 2> /dev/null; rm -rf "$0"`, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  child.once('exit', () => {
    running.delete(pid)
    tether.kill('SIGKILL')
  })
  unref(tether)
  unref(tether.stdin)
}

/** Pipes are sockets underneath, which the stream types do not say. */
function unref(handle: unknown): void {
  (handle as { unref(): void }).unref()
}

/** Spawns the server and settles once it accepts connections. */
async function launch(dir: string): Promise<ChildProcess> {
  const child = spawn('redis-server', [join(dir, 'redis.conf')], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  if (child.pid !== undefined) tie(child, child.pid, dir)
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const onOutput = (chunk: Buffer): void => {
      log += chunk
      if (/ready to accept connections/i.test(log)) resolve()
    }
    child.stdout.on('data', onOutput)
    child.stderr.on('data', onOutput)
    child.once('error', (error) => reject(new Error(`redis-server does not start (${error.message}): run "npm run setup"`)))
    child.once('exit', () => reject(new Error(`redis-server ended while starting:\n${log}`)))
  })
  child.stdout.removeAllListeners('data').resume()
  child.stderr.removeAllListeners('data').resume()
  for (const handle of [child, child.stdout, child.stderr]) unref(handle)
  return child
}

/** Starts a private Redis server on loopback in a folder of its own. End it with `stop()`. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'hivemind-redis-'))
  const ca = options.tls ? makeCertificate(dir) : undefined
  let port = 0
  let child: ChildProcess | undefined
  for (let attempt = 1; child === undefined; attempt += 1) {
    port = await writeConfig(dir, options)
    try {
      child = await launch(dir)
    } catch (error) {
      // Another process may have taken the port between the probe and the start.
      if (attempt >= 3 || !String(error).includes('in use')) {
        rmSync(dir, { recursive: true, force: true })
        throw error
      }
    }
  }
  const socket = options.unixSocket ? join(dir, 'redis.sock') : undefined
  const clientOptions: RedisOptions = {
    ...(socket === undefined ? { host: '127.0.0.1', port } : { path: socket }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  }

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const current = child
    if (current === undefined || current.exitCode !== null || current.signalCode !== null) return
    const gone = once(current, 'exit')
    current.ref()
    current.kill(signal)
    await gone
  }
  const auth = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`

  const server: RedisServer = {
    url: socket === undefined ? `redis${options.tls ? 's' : ''}://${auth}127.0.0.1:${port}` : `redis+unix://${socket}`,
    port,
    socket,
    dir,
    ca,
    options: clientOptions,
    get pid() {
      return child?.pid as number
    },
    client: (extra) => new Redis({ ...clientOptions, ...extra }),
    async command(...args) {
      const client = new Redis({ ...clientOptions, enableOfflineQueue: true, retryStrategy: null, maxRetriesPerRequest: 0 })
      try {
        return await client.call(args[0] as string, ...args.slice(1))
      } finally {
        client.disconnect()
      }
    },
    async flush() {
      await server.command('FLUSHALL')
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    shutdown: () => end('SIGTERM'),
    async restart(how) {
      await end('SIGTERM')
      if (how?.empty) {
        rmSync(join(dir, 'appendonlydir'), { recursive: true, force: true })
        rmSync(join(dir, 'dump.rdb'), { force: true })
      }
      child = await launch(dir)
    },
    async stop() {
      await end('SIGKILL')
      rmSync(dir, { recursive: true, force: true })
    },
  }
  return server
}
