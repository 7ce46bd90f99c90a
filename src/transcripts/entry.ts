import { saidText, shortened, toolText } from './trim.ts'
import type { Turn } from './types.ts'

/** What is known of a transcript while it is read. */
export interface Reading {
  session: string
  cwd?: string
  /** Calls of tools whose results are still to come. */
  calls: Map<string, { tool: string; input: unknown }>
}

type Fields = Record<string, unknown>

const openCalls = 500

/** The turns of one line of a transcript as Claude Code writes it; kinds of lines that say nothing give none. Throws for what is no such line. */
export function turnsOf(line: string, reading: Reading): Turn[] {
  const entry = JSON.parse(line) as unknown
  if (!isObject(entry) || typeof entry['type'] !== 'string') throw new TypeError('is no line of a transcript: it must be an object with a type')
  if (typeof entry['cwd'] === 'string' && entry['cwd'] !== '') reading.cwd = entry['cwd']
  if (typeof entry['sessionId'] === 'string' && entry['sessionId'] !== '') reading.session = entry['sessionId']
  const at = typeof entry['timestamp'] === 'string' ? Date.parse(entry['timestamp']) : Number.NaN
  const place = { session: reading.session, ...(reading.cwd !== undefined && { cwd: reading.cwd }), ...(!Number.isNaN(at) && { at }) }
  if (entry['type'] === 'summary') return said('assistant', entry['summary'], place)
  if ((entry['type'] !== 'user' && entry['type'] !== 'assistant') || entry['isMeta'] === true || entry['isApiErrorMessage'] === true) return []
  if (!isObject(entry['message'])) throw new TypeError('is no line of a transcript: its message is missing')
  const { content } = entry['message']
  // In a side chain, and in the summary of a compaction, it is an agent that speaks in the user's place.
  const role = entry['type'] === 'user' && entry['isSidechain'] !== true && entry['isCompactSummary'] !== true ? 'user' : 'assistant'
  if (typeof content === 'string') return said(role, content, place)
  if (!Array.isArray(content)) throw new TypeError('is no line of a transcript: its content is neither text nor an array')
  const blocks = content.filter(isObject)
  for (const { type, id, name, input } of blocks) if (type === 'tool_use' && typeof id === 'string' && typeof name === 'string') remember(reading, id, { tool: name, input })
  const words = blocks.flatMap(({ type, text }) => (type === 'text' && typeof text === 'string' ? [text] : [])).join('\n\n')
  return [...said(role, words, place), ...blocks.filter(({ type }) => type === 'tool_result').flatMap((block) => results(block, reading, place))]
}

function said(role: 'user' | 'assistant', words: unknown, place: Omit<Turn, 'role' | 'text'>): Turn[] {
  const text = typeof words === 'string' ? saidText(words) : ''
  return text === '' || text.startsWith('[Request interrupted') ? [] : [{ role, text, ...place }]
}

function results(block: Fields, { calls }: Reading, place: Omit<Turn, 'role' | 'text'>): Turn[] {
  const id = String(block['tool_use_id'] ?? '')
  const { tool, input } = calls.get(id) ?? { tool: 'tool', input: undefined }
  calls.delete(id)
  const text = toolText(tool, input, textOf(block['content']), block['is_error'] === true)
  return text === '' ? [] : [{ role: 'tool', tool, text, ...place }]
}

/** Text of what a tool gave back, in any of the shapes it comes in; pictures have none. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : '')).filter((text) => text !== '').join('\n')
  if (!isObject(content)) return ''
  const { stdout, stderr, text, content: inner } = content
  const streams = [stdout, stderr, text].filter((part): part is string => typeof part === 'string' && part !== '')
  return streams.length > 0 ? streams.join('\n') : inner === undefined ? shortened(JSON.stringify(content), 4_000) : textOf(inner)
}

function remember({ calls }: Reading, id: string, call: { tool: string; input: unknown }): void {
  calls.set(id, call)
  if (calls.size > openCalls) calls.delete(calls.keys().next().value as string)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
