import { differences, short } from './differences.ts'
import type { CheckResult, Problem } from './result.ts'
import type { Command, PathStep } from './space.ts'
import { describe } from './taker.ts'

/** A result as text a person reads: the verdict, then each problem with what changed in each step of its path. */
export function formatResult(result: CheckResult<any>): string {
  const { machine, ok, states, transitions, depth, ms, exhaustive } = result
  const lines = [`${ok ? 'ok  ' : 'FAIL'} ${machine}: ${states} states, ${transitions} transitions, depth ${depth}, ${ms} ms${exhaustive ? '' : ', NOT exhaustive'}`]
  for (const problem of result.problems) lines.push('', ...formatProblem(problem).split('\n').map((line) => `  ${line}`))
  for (const [title, entries] of [['never taken', result.neverTaken], ['never entered', result.neverEntered], ['taken for granted', result.assumptions]] as const) {
    if (entries.length > 0) lines.push('', `  ${title}:`, ...entries.map((entry) => `    ${entry}`))
  }
  return lines.join('\n')
}

export function formatProblem(problem: Problem<any>): string {
  const { kind, property, message, path, loop } = problem
  const lines = [`${kind} "${property}": ${message}`, ...formatPath(path)]
  if (loop !== undefined) {
    if (loop.length === 0) lines.push('  then nothing more happens, for ever')
    else lines.push('  then for ever:', ...formatPath(loop, path.at(-1), path.length))
  }
  return lines.join('\n')
}

/** Each step with its event, what it changed and which commands left. */
export function formatPath(path: readonly PathStep<unknown>[], before?: PathStep<unknown>, from = 0): string[] {
  return path.flatMap((step, index) => {
    const last = index === 0 ? before : path[index - 1]
    const head = `  ${String(from + index).padStart(3)}. ${step.event === null ? 'at first' : eventText(step.event)}`
    const changes = last === undefined ? initialLines(step.state) : differences(last.state, step.state)
    const body = step.error === undefined ? (changes.length === 0 ? ['nothing changes'] : changes) : [`throws: ${step.error}`]
    return [head, ...body.map((line) => `         ${line}`), ...(step.commands ?? []).map((command) => `         ! ${commandText(command)}`)]
  })
}

function initialLines(state: unknown): string[] {
  return typeof state === 'object' && state !== null && !Array.isArray(state) ? Object.entries(state).map(([key, value]) => `${key}: ${short(value)}`) : [short(state)]
}

function eventText(event: unknown): string {
  if (typeof event !== 'object' || event === null || !('type' in event)) return describe(event)
  const { type, ...fields } = event
  return Object.keys(fields).length === 0 ? String(type) : `${String(type)} ${short(fields)}`
}

function commandText({ type, params }: Command): string {
  return params === undefined ? type : `${type} ${short(params)}`
}
