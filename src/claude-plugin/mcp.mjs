// Starts the MCP server of the installed runtime, on the data folder that the hooks use.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { dataDir, runtime } from './place.mjs'

const home = runtime()
if (home === undefined) {
  console.error('hivemind is not installed: npm install -g hivemind, or set HIVEMIND_HOME to the folder of the package')
  process.exit(1)
}
process.env.HIVEMIND_DATA_DIR = dataDir
process.argv.splice(2, Infinity, 'mcp')
await import(pathToFileURL(join(home, 'cli/main.js')).href)
