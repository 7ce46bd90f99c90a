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
  const url = pathToFileURL(path).href
  try {
    return await import(url)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
  }
  const loader = findTsx(dirname(path))
  if (loader === undefined) throw new NoTypeScriptLoader(path)
  const { register } = await import(loader) as { register: (options: { tsconfig: false }) => unknown }
  register({ tsconfig: false })
  // Node remembers that this URL could not be loaded, so it is asked for under another.
  return import(`${url}?typescript`)
}

/** URL of tsx's module API. Resolved by hand: `require.resolve` would find its CommonJS twin. */
function findTsx(folder: string): string | undefined {
  for (const from of [join(folder, 'file.js'), import.meta.url]) {
    try {
      const require = createRequire(from)
      const { exports } = require('tsx/package.json') as { exports: { './esm/api': { import: { default: string } } } }
      return pathToFileURL(join(dirname(require.resolve('tsx/package.json')), exports['./esm/api'].import.default)).href
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}
