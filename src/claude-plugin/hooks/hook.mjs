// One hook for all events: passes what happened to the node that runs on this data folder, or handles it alone, and prints
// what is to be said. Fails open: whatever goes wrong is written to a log, and the exit code is 0.
// Plain JavaScript without dependencies, because it starts with every prompt and every call of a tool. It is no part of the
// runtime and has no clock to be injected.
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { dataDir, runtime } from '../place.mjs'

/** How long an event may take, ms from the start of this process, and how long of that the node has. */
const limits = { SessionStart: [3_000, 1_500], UserPromptSubmit: [1_500, 900], PostToolUse: [5_000, 1_500], Stop: [5_000, 1_500], PreCompact: [4_000, 2_000], SessionEnd: [1_200, 600] }
/** Events that are answered; of the others there is only something to keep, which can go on when this process has ended. */
const answered = ['SessionStart', 'UserPromptSubmit']
const handedOverMs = 60_000
const mostBytes = 32 * 1024 ** 2
const mostCharacters = 10_000
const longestString = 20_000
const longestBody = 900_000
const logBytes = 256 * 1024

const isHandedOver = process.argv[2] === 'handed-over'
let name = 'a hook'
let event
try {
  event = JSON.parse(await readInput())
  name = String(event?.hook_event_name)
  if (!Object.hasOwn(limits, name)) throw new Error('this event is not handled')
  const within = isHandedOver ? handedOverMs : limits[name][0]
  // What hangs must not hold up anybody; what was to be kept is handed over.
  setTimeout(() => giveUp(`not done within ${within} ms`), Math.max(0, within - performance.now())).unref()
  event = shortened(event)
  if (isHandedOver) await alone(() => undefined)
  else if (!await throughNode()) {
    if (answered.includes(name)) await alone(print)
    else await handOver()
  }
} catch (error) {
  note(error instanceof Error ? error.message : String(error))
}
process.exit(0)

async function readInput() {
  const chunks = []
  let bytes = 0
  for await (const chunk of process.stdin) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error(`the input has more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Long strings by their beginning and end: no memory holds more of them. */
function shortened(value) {
  const cut = (part) => {
    if (typeof part === 'string') return part.length <= longestString ? part : `${part.slice(0, longestString * 0.75)}\n...\n${part.slice(-longestString / 4)}`
    if (Array.isArray(part)) return part.slice(0, 1_000).map(cut)
    return typeof part === 'object' && part !== null ? Object.fromEntries(Object.entries(part).slice(0, 1_000).map(([key, inner]) => [key, cut(inner)])) : part
  }
  const short = cut(value)
  if (JSON.stringify(short).length <= longestBody) return short
  const { tool_response: _response, tool_input: _input, ...rest } = short
  return rest
}

/** Whether the node that runs on this data folder has taken the event. */
async function throughNode() {
  let node
  try {
    node = JSON.parse(readFileSync(join(dataDir, 'daemon.json'), 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') note(`daemon.json: ${error.message}`)
    return false
  }
  try {
    const { status, body } = await post(`${node.url}/hooks/claude-code`, node.token, limits[name][1])
    if (status === 200) {
      print(JSON.parse(body).output)
      return true
    }
    note(`the node at ${node.url} answered ${status}`)
  } catch (error) {
    // A node that was killed leaves its file behind: then nobody listens there.
    if (error.code !== 'ECONNREFUSED') note(`the node at ${node.url}: ${error.message}`)
    if (error.code === 'ETIMEDOUT') {
      // It would hang again for whoever asks it: what there is to keep is kept without it, and nobody waits.
      if (name !== 'SessionStart') await handOver()
      return true
    }
  }
  return false
}

function post(url, token, timeoutMs) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(event)
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), authorization: `Bearer ${token}` } }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk) => { text += chunk }).on('end', () => resolve({ status: answer.statusCode, body: text })).on('error', reject)
    })
    setTimeout(() => sent.destroy(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })), timeoutMs).unref()
    sent.on('error', reject)
    sent.end(body)
  })
}

/** In this process, on the data folder. */
async function alone(onOutput) {
  const home = runtime()
  if (home === undefined) throw new Error('hivemind is not installed: npm install -g hivemind, or set HIVEMIND_HOME to the folder of the package')
  const { handleAlone } = await import(pathToFileURL(join(home, 'claude-hooks/alone.js')).href)
  await handleAlone(event, dataDir, onOutput)
}

/** Another process goes on with it, which nobody waits for. It ends by itself. */
function handOver() {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'handed-over'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    child.once('error', reject)
    child.stdin.once('error', reject)
    child.stdin.end(JSON.stringify(event), () => {
      child.unref()
      resolve()
    })
  })
}

function giveUp(problem) {
  note(problem)
  const end = () => process.exit(0)
  if (isHandedOver || name === 'SessionStart') end()
  else handOver().then(end, end)
}

function print(output) {
  if (output === undefined || output === null) return
  const text = JSON.stringify(output)
  if (text.length <= mostCharacters) process.stdout.write(text)
  else note(`an output of ${text.length} characters was left out`)
}

/** The reason why nothing was done, without anything of what the event carried. */
function note(problem) {
  const line = `${new Date().toISOString()} ${name}: ${problem}\n`
  process.stderr.write(line)
  for (const folder of [dataDir, tmpdir()]) {
    const path = join(folder, 'hivemind-hooks.log')
    try {
      mkdirSync(folder, { recursive: true })
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logBytes) renameSync(path, `${path}.1`)
      appendFileSync(path, line, { mode: 0o600 })
      return
    } catch (error) {
      process.stderr.write(`${path}: ${error.message}\n`)
    }
  }
}
