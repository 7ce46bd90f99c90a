import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importModule } from '../config/import-module.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { nearNames } from '../messages/near.ts'
import { isScenario } from './define.ts'
import type { Scenario } from './define.ts'

const builtInFolder = join(dirname(fileURLToPath(import.meta.url)), '../../scenarios')
const extensions = ['.ts', '.js', '.mjs']

/** The scenarios that are shipped, by name. */
export function builtInScenarios(): string[] {
  return readdirSync(builtInFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
}

/**
 * Finds a scenario among those that are shipped (`codebase`, `scenarios/codebase`), by path (`./mine.ts`, a folder with an index file),
 * or by name in `scenarios/` of `cwd`. Throws `InvalidArgument` that says where was looked.
 */
export async function findScenario(given: string, cwd: string): Promise<Scenario> {
  const path = locate(given, cwd)
  if (path === undefined) throw notFound(given, cwd)
  const module = await load(path)
  if (!isScenario(module.default)) throw new InvalidArgument('scenario', `${path} exports no scenario by default: write "export default defineScenario({ ... })"`)
  return module.default
}

function locate(given: string, cwd: string): string | undefined {
  const name = given.replace(/^scenarios\//, '').replace(/\/$/, '')
  if (builtInScenarios().includes(name)) return fileAt(join(builtInFolder, name))
  return fileAt(resolve(cwd, given)) ?? fileAt(resolve(cwd, 'scenarios', given))
}

function fileAt(path: string): string | undefined {
  if (existsSync(path) && statSync(path).isFile()) return extensions.includes(extname(path)) ? path : undefined
  return [...extensions.map((extension) => path + extension), ...extensions.map((extension) => join(path, `index${extension}`))].find((candidate) => existsSync(candidate))
}

function notFound(given: string, cwd: string): InvalidArgument {
  const known = builtInScenarios()
  const near = nearNames(given, known)
  const fix = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `shipped are ${known.join(', ')}`
  return new InvalidArgument('scenario', `there is no "${given}" (looked for ${resolve(cwd, given)} and ${resolve(cwd, 'scenarios', given)}): ${fix}`)
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return await importModule(path)
  } catch (error) {
    if (/^(ERR_)?MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '') && /'hivemind'/.test((error as Error).message)) {
      throw new InvalidArgument('scenario', `${path} imports "hivemind", which is not installed beside it: "npm install hivemind" there`)
    }
    throw error
  }
}
