// Where things are. No dependencies: this also runs from a copy of the folder, far from the package.
import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The data folder that hooks and the MCP server share: one for all projects of a person. */
export const dataDir = process.env.HIVEMIND_DATA_DIR || join(homedir(), '.hivemind')

/** The folder of the installed runtime: beside this one, named by HIVEMIND_HOME, or behind the `hivemind` command of the PATH. */
export function runtime() {
  const beside = dirname(dirname(fileURLToPath(import.meta.url)))
  const named = process.env.HIVEMIND_HOME === undefined ? [] : [join(process.env.HIVEMIND_HOME, 'dist/src'), process.env.HIVEMIND_HOME]
  const commands = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'hivemind')).filter((path) => existsSync(path))
  return [...named, beside, ...commands.map((path) => dirname(dirname(realpathSync(path))))].find((folder) => existsSync(join(folder, 'claude-hooks/alone.js')))
}
