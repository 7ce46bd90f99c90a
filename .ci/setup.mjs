// `npm run setup` installs redis-server (7.0 or newer) through the system's package manager; it does nothing when it is there.
// `--check` only looks, and fails in one line.
import { spawnSync } from 'node:child_process'

const major = installed()
if (major !== undefined && major >= 7) {
  if (!process.argv.includes('--check')) console.log(`redis-server ${major} is here: nothing to do`)
  process.exit(0)
}
if (process.argv.includes('--check')) {
  console.error(`${major === undefined ? 'redis-server is not on PATH' : `redis-server ${major} is too old (7.0 or newer is needed)`}: run "npm run setup"`)
  process.exit(1)
}

const managers = [
  { name: 'apt-get', root: true, commands: [['apt-get', 'update'], ['apt-get', 'install', '-y', '--no-install-recommends', 'redis-server']] },
  { name: 'dnf', root: true, commands: [['dnf', 'install', '-y', 'redis']] },
  { name: 'apk', root: true, commands: [['apk', 'add', 'redis']] },
  { name: 'brew', root: false, commands: [['brew', 'install', 'redis']] },
]
const manager = managers.find(({ name }) => has(name))
if (manager === undefined) fail('no apt-get, dnf, apk or brew here: install Redis 7.0 or newer by hand (https://redis.io/docs/latest/operate/oss_and_stack/install/)')
const asRoot = manager.root && process.getuid?.() !== 0
if (asRoot && !has('sudo')) fail(`${manager.name} needs root and there is no sudo: run as root\n${manager.commands.map((command) => `  ${command.join(' ')}`).join('\n')}`)

for (const command of manager.commands) {
  // The package's service must not start: the tests run servers of their own. (sudo would drop the environment.)
  const line = manager.name === 'apt-get' ? ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', ...command] : [...command]
  if (asRoot) line.unshift('sudo')
  console.log(`setup: ${line.join(' ')}`)
  const { status, error } = spawnSync(line[0], line.slice(1), { stdio: 'inherit' })
  if (status !== 0) fail(`"${line.join(' ')}" failed${error ? `: ${error.message}` : ` with exit code ${status}`}`)
}
const now = installed()
if (now === undefined) fail(`${manager.name} finished, but redis-server is still not on PATH`)
if (now < 7) fail(`${manager.name} installed redis-server ${now}, and 7.0 or newer is needed: see https://redis.io/docs/latest/operate/oss_and_stack/install/`)
console.log(`setup: redis-server ${now} is ready`)

function installed() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  if (status !== 0) return undefined
  return Number(/v=(\d+)/.exec(stdout)?.[1])
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}

function fail(message) {
  console.error(`setup: ${message}`)
  process.exit(1)
}
