import { InvalidArgument } from '../../src/kernel/errors.ts'
import { redactValue } from '../../src/redaction/redact-value.ts'
import { redact } from '../../src/redaction/redact.ts'
import type { Redaction } from '../../src/redaction/types.ts'
import { checkScope } from './scope.ts'
import type { MemoryInput, MemoryKind, Scope } from './types.ts'

/** What was asked to be stored, checked and without secrets. */
export interface Prepared {
  text: string
  kind: MemoryKind
  scope: Scope
  source?: string
  at?: number
  supersedes: readonly string[]
  metadata?: Record<string, unknown>
  redactions: Redaction[]
}

const maxMetadataBytes = 16 * 1024
const known = new Set(['text', 'kind', 'scope', 'source', 'at', 'supersedes', 'metadata'])
/** What no text needs and some stores cut off at. Tab, line feed and carriage return stay. */
const control = /(?![\t\n\r])\p{Cc}/gu

/** Checks one item and takes its secrets out, before anything else sees it. Throws `InvalidArgument` naming the field. */
export function prepare(item: MemoryInput, field: string, textBytes: number): Prepared {
  if (typeof item !== 'object' || item === null) throw new InvalidArgument(field, 'must be an object with a text')
  const at = (name: string): string => (field === '' ? name : `${field}.${name}`)
  const unknown = Object.keys(item).find((name) => !known.has(name))
  if (unknown !== undefined) throw new InvalidArgument(at(unknown), `is not known: a memory has ${[...known].join(', ')}`)
  const { text, redactions } = cleanText(item.text, at('text'))
  if (text === '') throw new InvalidArgument(at('text'), redactions.length > 0 ? 'nothing is left of it without its private parts' : 'must not be empty')
  const bytes = Buffer.byteLength(text)
  if (bytes > textBytes) throw new InvalidArgument(at('text'), `has ${bytes} bytes and the limit is ${textBytes}: store it in parts, or raise memory.textBytes`)
  const { kind = 'episodic' } = item
  if (kind !== 'episodic' && kind !== 'semantic') throw new InvalidArgument(at('kind'), `is "${String(kind)}": episodic and semantic are known`)
  const source = item.source === undefined ? undefined : cleanText(item.source, at('source')).text.slice(0, 200)
  const metadata = item.metadata === undefined ? undefined : cleanMetadata(item.metadata, at('metadata'))
  return {
    text, kind, redactions: merged(redactions, metadata?.redactions ?? []),
    scope: checkScope(item.scope, at('scope')),
    supersedes: item.supersedes === undefined ? [] : idsOf(typeof item.supersedes === 'string' ? [item.supersedes] : item.supersedes, at('supersedes')),
    ...(source !== undefined && source !== '' && { source }),
    ...(item.at !== undefined && { at: timeOf(item.at, at('at')) }),
    ...(metadata !== undefined && { metadata: metadata.value }),
  }
}

/** Text as it may be embedded, hashed, kept and logged. Half surrogate pairs become U+FFFD, control characters go. */
export function cleanText(text: unknown, field: string): { text: string; redactions: Redaction[] } {
  if (typeof text !== 'string') throw new InvalidArgument(field, `must be a string, and is ${text === null ? 'null' : typeof text}`)
  const { text: redacted, redactions } = redact((text as string & { toWellFormed(): string }).toWellFormed().replace(control, ''))
  return { text: redacted.trim(), redactions }
}

/** ms since 1970. */
export function timeOf(time: unknown, field: string): number {
  const ms = typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) throw new InvalidArgument(field, 'must be a time: milliseconds since 1970, or ISO 8601 such as 2026-11-20T10:00:00Z')
  return Math.trunc(ms)
}

export function idsOf(ids: unknown, field: string): string[] {
  if (!Array.isArray(ids)) throw new InvalidArgument(field, 'must be an array of ids')
  const wrong = ids.findIndex((id) => typeof id !== 'string' || !/^[a-z2-7]{26}$/.test(id))
  if (wrong >= 0) throw new InvalidArgument(`${field}[${wrong}]`, `"${String(ids[wrong])}" is no id of a memory (26 letters and digits, as store and recall give them)`)
  return [...new Set(ids as string[])]
}

function cleanMetadata(metadata: unknown, field: string): { value: Record<string, unknown>; redactions: Redaction[] } {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw new InvalidArgument(field, 'must be an object')
  const { value, redactions } = redactValue(metadata as Record<string, unknown>)
  const json = JSON.stringify(value)
  if (Buffer.byteLength(json) > maxMetadataBytes) throw new InvalidArgument(field, `has ${Buffer.byteLength(json)} bytes and the limit is ${maxMetadataBytes}: put what is long into the text`)
  return { value: JSON.parse(json) as Record<string, unknown>, redactions }
}

function merged(one: readonly Redaction[], two: readonly Redaction[]): Redaction[] {
  const counts = new Map(one.map(({ kind, count }) => [kind, count]))
  for (const { kind, count } of two) counts.set(kind, (counts.get(kind) ?? 0) + count)
  return [...counts].map(([kind, count]) => ({ kind, count }))
}
