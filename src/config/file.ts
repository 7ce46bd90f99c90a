import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfig, messageOf } from '../kernel/errors.ts'
import { importModule } from './import-module.ts'

const names = ['hivemind.config.ts', 'hivemind.config.js', 'hivemind.config.mjs', 'hivemind.config.json']

/** The configuration file in `cwd` and what it says; `undefined` when there is none. Two files are an error, not a guess. */
export async function loadConfigFile(cwd: string): Promise<{ path: string; value: unknown } | undefined> {
  const found = names.map((name) => join(cwd, name)).filter((path) => existsSync(path))
  const [path, second] = found
  if (path === undefined) return undefined
  if (second !== undefined) throw new InvalidConfig('file', `both ${path} and ${second} exist: keep one`)
  return { path, value: path.endsWith('.json') ? await readJson(path) : await readModule(path) }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new InvalidConfig('file', `${path} cannot be read: ${messageOf(error)}`)
  }
}

async function readModule(path: string): Promise<unknown> {
  let module: { default?: unknown }
  try {
    module = await importModule(path)
  } catch (error) {
    throw new InvalidConfig('file', `${path} cannot be loaded: ${messageOf(error)}`)
  }
  if (module.default === undefined) throw new InvalidConfig('file', `${path} exports nothing by default: write "export default { ... }"`)
  return module.default
}
