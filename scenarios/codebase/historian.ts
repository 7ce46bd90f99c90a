import { defineActor } from 'hivemind'
import { readHistory } from './history.ts'
import type { History, NoHistory } from './history.ts'
import { shownPath } from './shown.ts'

export interface HistorianInput {
  root: string
  commits: number
}

/** Reads the git log of the folder, when there is one. */
export const historian = defineActor({
  name: 'historian',
  state: (input: HistorianInput) => input,
  redeliver: true,
  handlers: {
    read: (_message: {}, ctx): Promise<History | NoHistory> => readHistory(ctx.state.root, { limit: ctx.state.commits, signal: ctx.signal }),
  },
})

/** The history in a few sentences. */
export function tell(history: History | NoHistory): string {
  if ('none' in history) return `There is no history to tell (${history.none}).`
  const { commits, more, authors, newest, oldest, changedMost } = history
  const [last] = newest
  return [
    `${more ? `The last ${commits}` : commits} commits, from ${oldest?.date.slice(0, 10)} to ${last?.date.slice(0, 10)}, by ${authors.map((author) => `${author.name} (${author.commits})`).join(', ')}.`,
    `The newest: "${last?.subject}" (${last?.id.slice(0, 10)}).`,
    changedMost.length > 0 ? `Changed most: ${changedMost.slice(0, 5).map(({ file, commits: times }) => `${shownPath(file)} (${times})`).join(', ')}.` : '',
  ].filter((line) => line !== '').join('\n')
}
