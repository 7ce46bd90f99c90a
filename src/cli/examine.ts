import { execFile } from 'node:child_process'
import { access, constants, mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Config } from '../config.ts'
import type { HiveOptions } from '../hive.ts'
import { messageOf } from '../kernel/errors.ts'

export interface Check {
  name: string
  state: 'ok' | 'warn' | 'fail'
  detail: string
}

const oldestNode = [20, 19] as const

/** Whether this machine and this configuration can run a hive. */
export async function examine(config: Config, given: HiveOptions): Promise<Check[]> {
  return [nodeVersion(), await dataFolder(config), await hiveOpens(given), await program('git', ['--version'], 'the historian of "run codebase" needs it'), await program('redis-server', ['--version'], '"run failover", "run outage" and the tests need it: "npm run setup" installs it')]
}

function nodeVersion(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return { name: 'Node', state: enough ? 'ok' : 'fail', detail: enough ? process.version : `${process.version}: ${oldestNode.join('.')} or newer is needed` }
}

async function dataFolder({ dataDir }: Config): Promise<Check> {
  try {
    await mkdir(dataDir, { recursive: true })
    await access(dataDir, constants.W_OK | constants.X_OK)
    return { name: 'data folder', state: 'ok', detail: `${dataDir} can be written` }
  } catch (error) {
    return { name: 'data folder', state: 'fail', detail: `${messageOf(error)}: choose another with HIVEMIND_DATA_DIR or --data-dir` }
  }
}

async function hiveOpens(given: HiveOptions): Promise<Check> {
  const { createHive } = await import('../hive.ts')
  try {
    const hive = await createHive(given)
    const { kind } = hive.store
    const rooms = (await hive.rooms.list({ limit: 1000 })).length
    await hive.stop()
    return { name: 'store', state: 'ok', detail: `${kind === 'sqlite' ? 'embedded (SQLite)' : 'Redis'}, ${rooms} rooms` }
  } catch (error) {
    return { name: 'store', state: 'fail', detail: messageOf(error) }
  }
}

async function program(name: string, args: string[], why: string): Promise<Check> {
  try {
    const { stdout } = await promisify(execFile)(name, args, { timeout: 5_000 })
    return { name, state: 'ok', detail: stdout.trim().split('\n')[0] ?? '' }
  } catch (error) {
    return { name, state: 'warn', detail: `${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not installed' : messageOf(error)}; ${why}` }
  }
}
