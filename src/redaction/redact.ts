import { InvalidArgument } from '../kernel/errors.ts'
import { isMarked, marker } from './marker.ts'
import { NeedleIndex } from './needles.ts'
import { removePrivateSpans } from './private-spans.ts'
import { rules } from './rules/all.ts'
import { secretlintFindings, secretlintNeedles } from './secretlint.ts'
import type { Finding, Redacted, Rule } from './types.ts'
import { decodedView } from './view.ts'

/** A change of the text can bring a new secret to light: the text is gone over until it stays the same, at most so often. */
const mostPasses = 8

/** Stands for secretlint's rules: they look at a whole text, and so only at one that holds a needle of theirs. */
const secretlint: Rule = { kind: 'secretlint', needles: secretlintNeedles, find: () => undefined }
const index = new NeedleIndex([...rules, secretlint])
const rank = new Map<Rule, number>(rules.map((rule, at) => [rule, at]))

interface Ranked extends Finding {
  rank: number
}

/**
 * `text` with each secret replaced by a marker such as `[redacted:aws-access-key]`, and each private span removed. Needs time in
 * proportion to the length; doing it again changes nothing. Throws InvalidArgument when `text` is not a string.
 */
export function redact(text: string): Redacted {
  if (typeof text !== 'string') throw new InvalidArgument('text', `is ${text === null ? 'null' : typeof text}: give a string, or use redactValue`)
  const counts = new Map<string, number>()
  let current = text
  for (let pass = 0; pass < mostPasses; pass += 1) {
    const next = once(current, counts)
    if (next === current) break
    current = next
  }
  const redactions = [...counts].map(([kind, count]) => ({ kind, count })).sort((a, b) => (a.kind < b.kind ? -1 : 1))
  return { text: current, redactions, touched: redactions.length > 0 }
}

function once(text: string, counts: Map<string, number>): string {
  const visible = removePrivateSpans(text)
  if (visible.count > 0) counts.set('private', (counts.get('private') ?? 0) + visible.count)
  const found = merged(visible.text, findings(visible.text))
  if (found.length === 0) return visible.text
  let out = ''
  let from = 0
  for (const { kind, start, end } of found) {
    out += visible.text.slice(from, start) + marker(kind)
    from = end
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return out + visible.text.slice(from)
}

function findings(text: string): Ranked[] {
  const found = scanned(text)
  const view = decodedView(text)
  if (view === undefined) return found
  for (const finding of scanned(view.text)) found.push({ ...finding, start: view.at(finding.start), end: view.at(finding.end) })
  return found
}

function scanned(text: string): Ranked[] {
  const found: Ranked[] = []
  /** Where the last finding of a rule ends: it is not tried again inside of what it has. */
  const covered = new Map<Rule, number>()
  let candidate = false
  index.scan(text, (rule, at) => {
    if (rule === secretlint) candidate = true
    if (at < (covered.get(rule) ?? 0)) return
    const finding = rule.find(text, at)
    if (finding === undefined) return
    covered.set(rule, finding.end)
    found.push({ ...finding, rank: rank.get(rule) as number })
  })
  if (!candidate) return found
  // Theirs are wider than the secret, so they count only where the own rules saw nothing.
  const missed = secretlintFindings(text).filter((theirs) => !found.some((own) => own.start < theirs.end && theirs.start < own.end))
  return [...found, ...missed.map((finding) => ({ ...finding, rank: rules.length }))]
}

/** Findings from left to right without overlap: what overlaps becomes one, under the name of the rule that comes first. */
function merged(text: string, found: Ranked[]): Ranked[] {
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  const out: Ranked[] = []
  for (const finding of found) {
    const last = out.at(-1)
    if (last === undefined || finding.start >= last.end) out.push({ ...finding })
    else {
      last.end = Math.max(last.end, finding.end)
      if (finding.rank < last.rank) Object.assign(last, { kind: finding.kind, rank: finding.rank })
    }
  }
  return out.filter(({ start, end }) => end > start && !isMarked(text.slice(start, end)))
}
