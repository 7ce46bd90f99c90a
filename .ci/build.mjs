// Compiles the tree into dist/ and copies what the compiler leaves behind (Lua scripts, the embedding table, the plugin).
// A fresh folder is built beside dist/ and swapped in, so that a failed build never leaves half of one.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tsc = join(root, 'node_modules/typescript/bin/tsc')
if (!existsSync(tsc)) {
  // Installed as a dependency (npm install --omit=dev): the package already carries dist/.
  process.exit(existsSync(join(root, 'dist')) ? 0 : 1)
}

const fresh = join(root, `dist.tmp-${process.pid}`)
const run = spawnSync(process.execPath, [tsc, '-p', join(root, '.ci/tsconfig.build.json'), '--outDir', fresh], { stdio: 'inherit' })
if (run.status !== 0) {
  rmSync(fresh, { recursive: true, force: true })
  process.exit(run.status ?? 1)
}

const assets = /\.lua$|^src\/embedding\/builtin\/[^/]*\.(bin|md)$|^src\/claude-plugin\//

function copyAssets(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) copyAssets(path)
    else if (assets.test(path)) cpSync(join(root, path), join(fresh, path))
  }
}
copyAssets('src')
chmodSync(join(fresh, 'src/cli/main.js'), 0o755)

const dist = join(root, 'dist')
const old = join(root, `dist.old-${process.pid}`)
if (existsSync(dist)) renameSync(dist, old)
renameSync(fresh, dist)
rmSync(old, { recursive: true, force: true })
