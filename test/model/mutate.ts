import { machines, type ShippedMachine } from '../../machines/index.ts'
import { checkMachine, type CheckResult, type MachineCheckOptions } from '../../src/check/index.ts'
import { messageOf } from '../../src/kernel/errors.ts'
import { mutantsOf } from './mutants.ts'
import { equivalent } from './survivors.ts'

// Takes each guard and each action out of each machine in turn, and sees whether a property notices. Exits 1 when less than 95% are noticed, or when
// a survivor is not one of those known to be harmless: `npm run mutate [-- MACHINE]`.

const least = 0.95
/** A mutant that comes to many more states than the machine has is another machine. */
const mostStates = 20_000
const mostStatesOfSystem = 200_000

type Options = MachineCheckOptions<any, any>
class Noticed extends Error {}

/** What notices the mutant: a property of the machine by itself, or of it at work with others. */
function noticedBy(machine: Parameters<typeof mutantsOf>[0], { models, systems }: ShippedMachine): string | undefined {
  return noticedInModels(machine, Object.values(models) as Options[]) ?? Object.values(systems).map(({ system, properties }) => noticedInSystem(() => system(machine), properties)).find((by) => by !== undefined)
}

function noticedInSystem(system: () => object, properties: object): string | undefined {
  try {
    const result = (checkMachine as (subject: object, properties: object) => CheckResult)(system(), { ...properties, maxStates: mostStatesOfSystem })
    return result.problems.filter(({ kind }) => kind !== 'truncated').map(({ kind, property }) => `${kind} "${property}"`)[0]
  } catch (error) {
    return messageOf(error)
  }
}

/** The first broken property, or what the checker says of the whole. */
function noticedInModels(machine: Parameters<typeof mutantsOf>[0], models: readonly Options[]): string | undefined {
  const dead: Set<string>[] = []
  for (const options of models) {
    try {
      const result = checkMachine(machine, { ...hasty(options), maxStates: mostStates }) as CheckResult
      if (!result.ok) return result.problems.map(({ kind, property }) => `${kind} "${property}"`)[0]
      dead.push(new Set([...result.neverTaken, ...result.neverEntered]))
    } catch (error) {
      return messageOf(error)
    }
  }
  const [first, ...others] = dead
  const never = [...first!].find((entry) => others.every((entries) => entries.has(entry)))
  return never === undefined ? undefined : `dead: ${never}`
}

/** The same properties, but the exploration ends at the first that is broken. */
function hasty(options: Options): Options {
  let broken: string | undefined
  const watched = <F extends (...args: any[]) => boolean>(kind: string, properties: Record<string, F> = {}): Record<string, F> =>
    Object.fromEntries(Object.entries(properties).map(([name, holds]) => [name, ((...args) => {
      const held = holds(...args)
      if (!held) broken ??= `${kind} "${name}"`
      return held
    }) as F]))
  const { events } = options
  return {
    ...options,
    invariants: watched('invariant', options.invariants),
    steps: watched('step', options.steps),
    events: (snapshot) => {
      if (broken !== undefined) throw new Noticed(broken)
      return typeof events === 'function' ? events(snapshot) : events
    },
  }
}

const only = process.argv[2]
let all = 0
let noticed = 0
let unexplained = 0
for (const [name, shipped] of Object.entries(machines)) {
  if (only !== undefined && only !== name) continue
  const survivors: string[] = []
  const mutants = mutantsOf(shipped.machine)
  for (const mutant of mutants) {
    const by = noticedBy(mutant.machine, shipped)
    if (by === undefined) survivors.push(mutant.name)
    if (process.env.VERBOSE) console.log(`${by === undefined ? 'SURVIVED' : 'caught  '} ${mutant.name}${by === undefined ? '' : ` (${by})`}`)
  }
  all += mutants.length
  noticed += mutants.length - survivors.length
  console.log(`${name}: ${mutants.length - survivors.length} of ${mutants.length} mutants are caught`)
  for (const survivor of survivors) {
    const reason = equivalent[survivor]
    if (reason === undefined) unexplained++
    console.log(`  survived  ${survivor}\n            ${reason ?? 'NOT EXPLAINED: a property is missing, or the guard or action is for nothing'}`)
  }
}
const share = noticed / all
console.log(`${noticed} of ${all} (${(share * 100).toFixed(1)}%) are caught; at least ${least * 100}% have to be${unexplained > 0 ? `, and ${unexplained} survivors are not explained` : ''}`)
if (share < least || unexplained > 0) process.exitCode = 1
