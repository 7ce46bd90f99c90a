import type { RecallResult, Scope } from '../../hive.ts'
import { whyOf } from '../../mcp/describe.ts'
import { plain } from '../io.ts'

const shownLines = 12

/** What was found, for a person: where each comes from, why it was found, and its first lines. */
export function recalledLines({ hits, mode, notice }: RecallResult, scope: Scope): string[] {
  const head = notice === undefined ? [] : [`(${mode === 'keyword' ? 'by words alone: ' : ''}${plain(notice)})`]
  if (hits.length === 0) return [...head, `nothing found${scope.project === undefined ? '' : ` in ${plain(scope.project)} (--all-projects looks everywhere)`}`]
  return [...head, ...hits.flatMap(({ id, text, at, source, trust, kind, why, scope: of }, index) => {
    const lines = plain(text).split('\n')
    const place = scope.project === undefined && of.project !== undefined ? `  ${plain(of.project)}` : ''
    return [
      `${index + 1}. ${id}  ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}  ${kind}  ${plain(source)} (trust ${trust})${place}`,
      ...lines.slice(0, shownLines).map((line) => `   ${line}`),
      ...(lines.length > shownLines ? [`   ... ${lines.length - shownLines} more lines`] : []),
      `   found by ${plain(whyOf(why))}`,
      ...(index < hits.length - 1 ? [''] : []),
    ]
  })]
}
