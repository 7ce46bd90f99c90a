import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of this package, from the package.json beside dist/ or at the root of a checkout. */
export function packageVersion(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  for (const path of ['../../package.json', '../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(here, path), 'utf8')) as { name: string; version: string }
      if (name === 'hivemind') return version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return '0.0.0'
}
