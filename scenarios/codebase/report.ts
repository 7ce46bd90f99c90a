import type { History, NoHistory } from './history.ts'
import { tell } from './historian.ts'
import type { Answer } from './librarian.ts'
import type { Measured } from './measure.ts'
import type { DataIn, verdictGiven } from './messages.ts'
import { shownPath, shownText } from './shown.ts'
import type { Skipped } from './tally.ts'

export interface AnsweredQuestion {
  question: string
  quotes: (Answer['quotes'][number] & { at: string; verdict: 'true' | 'false' | 'stale' | 'unchecked'; why?: string })[]
  ms: number
}

export interface CodebaseReport {
  folder: string
  files: { listed: number; read: number; handled: number; handledTwice: number; skipped: Record<string, Skipped>; partial: { count: number; files: string[] }; encodings: Record<string, number> }
  passages: number
  /** Passages for which the index had no room. */
  unindexed: number
  lines: number
  bytes: number
  index: { terms: number; bytes: number }
  history: History | NoHistory
  /** How passages were found; measured on the subjects of commits, where there are some. */
  recall: { modes: Answer['mode'][]; kept: number; left: number; measured?: Measured }
  questions: AnsweredQuestion[]
  verdicts: { true: number; false: number; stale: number }
  crashes: number
  restarts: number
  deadLetters: number
  throughput: { readMs: number; filesPerSecond: number; megabytesPerSecond: number }
  rooms: { talk: string; verdicts: string; passages: string }
  look: string[]
}

export function answered(answer: Answer, verdict: DataIn<typeof verdictGiven> | undefined): AnsweredQuestion {
  const quotes = answer.quotes.map((quote, index) => {
    const { quote: at = '', verdict: outcome = 'unchecked' as const, why } = verdict?.verdicts[index] ?? {}
    return { ...quote, at, verdict: outcome, ...(why !== undefined && { why }) }
  })
  return { question: answer.question, quotes, ms: answer.ms }
}

export function asText(report: CodebaseReport): string {
  return [...asked(report), '', ...figures(report)].join('\n')
}

function recalled({ recall: { modes, kept, left, measured } }: CodebaseReport): string {
  const percent = (share: number): string => `${Math.round(share * 100)}%`
  const how = `${modes.length === 0 ? 'nothing was asked' : modes.join(' and ')}; ${kept.toLocaleString('en')} passages kept as memories${left > 0 ? `, ${left.toLocaleString('en')} found by words alone` : ''}`
  return measured === undefined ? how : `${how}; of ${measured.asked} commits ${percent(measured.hitRate)} are found by their subject (by words alone ${percent(measured.keywordHitRate)})`
}

function asked(report: CodebaseReport): string[] {
  return report.questions.flatMap(({ question, quotes }) => [
    `? ${shownText(question)}`,
    ...(quotes.length === 0 ? ['  the folder says nothing about that'] : []),
    ...quotes.flatMap((quote) => [
      `  ${quote.at}${quote.verdict === 'true' ? '' : `  [${quote.verdict}${quote.why === undefined ? '' : `: ${quote.why}`}]`}`,
      ...shownText(quote.text).split('\n').map((line) => `    | ${line.length > 160 ? `${line.slice(0, 159)}…` : line}`),
    ]),
    '',
  ])
}

function figures(report: CodebaseReport): string[] {
  const { files, verdicts, throughput } = report
  const count = (number: number, one: string, many = `${one}s`): string => `${number.toLocaleString('en')} ${number === 1 ? one : many}`
  const skipped = Object.entries(files.skipped).map(([reason, group]) => `${group.count} ${reason} (${group.files.slice(0, 3).map((file) => shownPath(file.path)).join(', ')}${group.count > 3 ? ', ...' : ''})`)
  const rows: [string, string][] = [
    ['folder', shownPath(report.folder)],
    ['files', `${count(files.read, 'text file')} read of ${files.listed.toLocaleString('en')} listed, each once${files.handledTwice > 0 ? ` but ${files.handledTwice} batches twice` : ''}`],
    ['skipped', skipped.length === 0 ? 'nothing' : skipped.join('; ')],
    ...(files.partial.count > 0 ? [['cut', `${count(files.partial.count, 'huge file')}, of which the beginning was read: ${files.partial.files.slice(0, 3).map(shownPath).join(', ')}`] as [string, string]] : []),
    ['passages', `${report.passages.toLocaleString('en')}, ${count(report.lines, 'line')}, ${(report.bytes / 1e6).toFixed(1)} MB; index of ${count(report.index.terms, 'term')} in ${(report.index.bytes / 1e6).toFixed(1)} MB${report.unindexed > 0 ? `; ${report.unindexed} passages found no room in it` : ''}`],
    ['history', tell(report.history).replaceAll('\n', ' ')],
    ['questions', `${report.questions.length} answered with ${count(report.questions.reduce((sum, question) => sum + question.quotes.length, 0), 'quote')}: ${verdicts.true} true, ${verdicts.false} false${verdicts.stale > 0 ? `, ${verdicts.stale} of files that changed since` : ''}`],
    ['recall', recalled(report)],
    ['supervision', `${count(report.crashes, 'crash', 'crashes')} (one on purpose), ${count(report.restarts, 'restart')}, ${count(report.deadLetters, 'dead letter')}`],
    ['speed', `${Math.round(throughput.filesPerSecond).toLocaleString('en')} files/s, ${throughput.megabytesPerSecond.toFixed(1)} MB/s`],
    ['look', report.look.join('   ')],
  ]
  return rows.map(([name, text]) => `${name.padEnd(12)}${shownText(text)}`)
}
