import type { Hive, Recalled } from 'hivemind'
import type { Question } from './sessions.ts'

/** A question as it is asked: of a project, where it names one. */
export interface Asked extends Omit<Question, 'project'> {
  project?: string
}

export interface Answered {
  question: string
  expected: string
  /** Where among the answers the expected session stands, from 1; absent: not among them. */
  rank?: number
  mode: 'hybrid' | 'keyword'
  ms: number
}

/** Asks all questions; an answer is right when it is of the expected session, or was made from it. */
export async function ask(hive: Hive, questions: readonly Asked[], limit: number): Promise<Answered[]> {
  const answers: Answered[] = []
  for (const { question, session, project } of questions) {
    const from = hive.clock.monotonic()
    const { hits, mode } = await hive.memory.recall({ query: question, limit, ...(project !== undefined && { scope: { project } }) })
    const ms = hive.clock.monotonic() - from
    const sessions = await Promise.all(hits.map((hit) => sessionsOf(hive, hit)))
    const rank = sessions.findIndex((of) => of.includes(session)) + 1
    answers.push({ question, expected: session, mode, ms, ...(rank > 0 && { rank }) })
  }
  return answers
}

/** Of a memory that was made from others, the sessions of those. */
async function sessionsOf(hive: Hive, { id, scope: { session } }: Recalled): Promise<string[]> {
  if (session !== undefined) return [session]
  const made = await hive.memory.get(id)
  const sources = await Promise.all((made?.derivedFrom ?? []).map((source) => hive.memory.get(source)))
  return sources.flatMap((source) => source?.scope.session ?? [])
}

/** Share of the questions whose session is among the first so many answers. */
export function hitRate(answers: readonly Answered[], within = Infinity): number {
  return answers.filter(({ rank }) => rank !== undefined && rank <= within).length / Math.max(1, answers.length)
}

export function median(answers: readonly Answered[]): number {
  return answers.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(answers.length / 2)] ?? 0
}
