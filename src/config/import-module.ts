import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HivemindError } from '../kernel/errors.ts'

/** Node cannot load this file by itself. */
export class NoTypeScriptLoader extends HivemindError {
  constructor(path: string) {
    super('no_typescript_loader', `${path} is TypeScript, which this Node (${process.version}) does not load by itself: "npm install --save-dev tsx" beside it, or write it in JavaScript`, false)
  }
}

/**
 * Imports a user's module. TypeScript is loaded by whatever loader is there: this process's own (`tsx`, a Node that
 * strips types), else the `tsx` package found from the file or from here.
 */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  if (/\.[mc]?ts$/.test(path) && !loadsTypeScript) await registerLoader(path)
  const module = await import(pathToFileURL(path).href) as Record<string, unknown>
  // An ES module that a loader turned into CommonJS has its exports one level deeper.
  const inner = module.default as Record<string, unknown> | undefined
  return typeof inner === 'object' && inner !== null && inner.__esModule === true ? inner : module
}

/** This very file is TypeScript when a loader is at work. */
const loadsTypeScript = import.meta.url.endsWith('.ts') || Boolean((process.features as { typescript?: string | false }).typescript)

let registered = false

/** Both halves of tsx: a file beside no package.json is CommonJS to Node, whatever it is written in. */
async function registerLoader(path: string): Promise<void> {
  if (registered) return
  const tsx = findTsx(dirname(path))
  if (tsx === undefined) throw new NoTypeScriptLoader(path)
  const commonJs = tsx.require('tsx/cjs/api') as { register: () => unknown }
  const modules = await import(tsx.moduleApi) as { register: (options: { tsconfig: false }) => unknown }
  commonJs.register()
  modules.register({ tsconfig: false })
  registered = true
}

/** The URL of the module API is found by hand: `require.resolve` would find its CommonJS twin. */
function findTsx(folder: string): { require: NodeJS.Require; moduleApi: string } | undefined {
  for (const from of [join(folder, 'file.js'), import.meta.url]) {
    try {
      const require = createRequire(from)
      const { exports } = require('tsx/package.json') as { exports: { './esm/api': { import: { default: string } } } }
      const moduleApi = pathToFileURL(join(dirname(require.resolve('tsx/package.json')), exports['./esm/api'].import.default)).href
      return { require, moduleApi }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}
