import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'

const names = [
  'append', 'commit', 'take', 'owned', 'takeover', 'retry', 'extend', 'bury', 'open', 'configure', 'cursor',
  'put', 'delete', 'acquire', 'renew', 'ring', 'readring', 'announce', 'nodes', 'documents', 'note',
] as const
export type ScriptName = (typeof names)[number]

export interface Script {
  readonly text: string
  readonly sha: string
}

/** What a script runs on: one Redis connection, or a Cluster client that routes by the first key. */
interface Evaluator {
  evalsha(sha: string, keys: number, ...args: (string | number | Buffer)[]): Promise<unknown>
  eval(text: string, keys: number, ...args: (string | number | Buffer)[]): Promise<unknown>
}

const loaded = new Map<ScriptName, Script>()

/** Reads `lua/<name>.lua`; a line `-- include: x` stands for `lua/lib/x.lua`. */
export function loadScript(name: ScriptName): Script {
  let script = loaded.get(name)
  if (script === undefined) {
    const read = (path: string): string => readFileSync(new URL(`./lua/${path}.lua`, import.meta.url), 'utf8')
    const text = read(name).replace(/^-- include: (\w+)$/gm, (_, library: string) => read(`lib/${library}`))
    script = { text, sha: createHash('sha1').update(text).digest('hex') }
    loaded.set(name, script)
  }
  return script
}

/** Makes every script known to a server, so that a batch is one round trip from the first on and batches keep their order. */
export async function loadScripts(node: Redis): Promise<void> {
  await Promise.all(names.map((name) => node.script('LOAD', loadScript(name).text)))
}

/** EVALSHA; a server that does not know the script (SCRIPT FLUSH, a node that just joined) is sent its text once. */
export async function runScript(client: Evaluator, name: ScriptName, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
  const script = loadScript(name)
  try {
    return await client.evalsha(script.sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.eval(script.text, keys.length, ...keys, ...args)
  }
}
