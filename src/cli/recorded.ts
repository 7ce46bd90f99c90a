import { open } from 'node:fs/promises'
import { machines } from '../../machines/index.ts'
import { validateRun, type RecordedRun } from '../check/recorded-run.ts'
import { InvalidArgument, messageOf } from '../kernel/errors.ts'

/** Holds a recorded run against the shipped machines. Throws `InvalidArgument` when the file is not one. */
export async function checkRecorded(path: string): Promise<RecordedRun> {
  let file
  try {
    file = await open(path)
  } catch (error) {
    throw new InvalidArgument('trace', `${path} cannot be read: ${messageOf(error)}`)
  }
  try {
    return await validateRun(file.readLines(), Object.fromEntries(Object.values(machines).map(({ machine }) => [machine.id, machine])))
  } finally {
    await file.close()
  }
}

/** For a person. */
export function recordedLines(path: string, run: RecordedRun): string[] {
  const { failure } = run
  const lines = [
    `${failure === undefined ? 'ok  ' : 'FAIL'} ${path}: ${run.scenario}, node ${run.node ?? 'unknown'}, ${run.lines.toLocaleString('en')} lines, ${run.messages.toLocaleString('en')} messages`,
    ...Object.entries(run.machines).map(([machine, { instances, transitions }]) => `     ${machine}: ${transitions.toLocaleString('en')} transitions of ${instances.toLocaleString('en')} instances`),
    ...(run.unchecked === 0 ? [] : [`     not held against anything: ${run.unchecked.toLocaleString('en')} transitions of machines of yours`]),
    ...(run.cut === undefined ? [] : [`     it has no end: ${run.cut}`]),
  ]
  if (failure === undefined) return lines
  const { line, machine, actor, instance, message, record, possible = [] } = failure
  return [
    ...lines,
    `     line ${line}${machine === undefined ? '' : `, ${machine} of "${actor}" (instance ${instance})`}: ${message}`,
    ...(record === undefined ? [] : [`     the line: ${JSON.stringify(record)}`]),
    ...possible.map((state) => `     before it, the machine was in ${JSON.stringify(state)}`),
  ]
}
