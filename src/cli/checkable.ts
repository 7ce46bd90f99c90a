import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AnyStateMachine } from 'xstate'
import { machines } from '../../machines/index.ts'
import { checkMachine, type CheckResult } from '../check/index.ts'
import { importModule } from '../config/import-module.ts'
import { InvalidArgument } from '../kernel/errors.ts'
import { nearNames } from '../messages/near.ts'

/** A machine with everything that is held against it. */
export interface Checkable {
  name: string
  /** Absent for a model or product, which has no diagram. */
  machine?: AnyStateMachine
  checks: { name: string; run: () => CheckResult }[]
}

/**
 * The shipped machine of that name, all of them without a name, or what the module at that path exports as `machine` and `properties`.
 * Throws `InvalidArgument` that says what there is.
 */
export async function findCheckable(given: string | undefined, cwd: string): Promise<Checkable[]> {
  if (given === undefined) return Object.keys(machines).map(shipped)
  if (Object.hasOwn(machines, given)) return [shipped(given)]
  const path = resolve(cwd, given)
  if (existsSync(path)) return [fromModule(path, await importModule(path))]
  const near = nearNames(given, Object.keys(machines))
  const fix = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `shipped are ${Object.keys(machines).join(', ')}`
  throw new InvalidArgument('machine', `there is no "${given}" (looked for ${path}): ${fix}`)
}

function shipped(name: string): Checkable {
  const { machine, models, systems } = machines[name]!
  return {
    name,
    machine,
    checks: [
      ...Object.entries(models).map(([model, properties]) => check(model, machine, properties)),
      ...Object.entries(systems).map(([title, { system, properties }]) => check(title, system(), properties)),
    ],
  }
}

function fromModule(path: string, { machine, properties }: Record<string, unknown>): Checkable {
  if (!isObject(machine) || !('transition' in machine || 'next' in machine || 'product' in machine)) {
    throw new InvalidArgument('machine', `${path} exports no "machine": write "export const machine = setup({ ... }).createMachine({ ... })", or export a model or product`)
  }
  const isMachine = 'transition' in machine
  if (!isObject(properties) && (isMachine || properties !== undefined)) {
    throw new InvalidArgument('properties', `${path} exports no "properties": write "export const properties = { events: [{ type: 'start' }], invariants: { ... } }"`)
  }
  const name = isMachine ? (machine as unknown as AnyStateMachine).id : path
  return { name, ...(isMachine && { machine: machine as unknown as AnyStateMachine }), checks: [check('', machine, properties ?? {})] }
}

function check(name: string, subject: object, properties: object): Checkable['checks'][number] {
  return { name, run: () => (checkMachine as (subject: object, properties: object) => CheckResult)(subject, properties) }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
