import { createMachine, type AnyStateMachine } from 'xstate'

type Config = Record<string, any>
type Path = readonly (string | number)[]

/** A machine with one guard or one action less. */
export interface Mutant {
  /** What is gone, and where. */
  name: string
  machine: AnyStateMachine
}

/** Every machine that comes of taking one guard or one action out of this one. */
export function mutantsOf(machine: AnyStateMachine): Mutant[] {
  return sitesOf(machine.config as Config, [], machine.id).map(({ name, path }) => ({
    name,
    machine: createMachine(without(machine.config, path) as never).provide(machine.implementations as never) as AnyStateMachine,
  }))
}

interface Site {
  name: string
  path: Path
}

function sitesOf(config: Config, path: Path, id: string): Site[] {
  const inList = (at: string): Site[] => actionsOf(config[at], [...path, at], `${id}, ${at}`)
  const transitions = (given: unknown, at: Path, label: string): Site[] => {
    const list = Array.isArray(given) ? given : [given]
    return list.flatMap((transition: Config | string | undefined, index) => {
      if (typeof transition !== 'object') return []
      const here = Array.isArray(given) ? [...at, index] : at
      const arrow = `${label}${transition.guard === undefined ? '' : ` [${nameOf(transition.guard)}]`}${transition.target === undefined ? '' : ` -> ${String(transition.target)}`}`
      return [
        ...(transition.guard === undefined ? [] : [{ name: `${arrow}: without the guard`, path: [...here, 'guard'] }]),
        ...actionsOf(transition.actions, [...here, 'actions'], arrow),
      ]
    })
  }
  return [
    ...inList('entry'),
    ...inList('exit'),
    ...transitions(config.always, [...path, 'always'], `${id}, always`),
    ...Object.entries((config.on ?? {}) as Config).flatMap(([event, given]) => transitions(given, [...path, 'on', event], `${id}, ${event}`)),
    ...Object.entries((config.states ?? {}) as Config).flatMap(([key, child]) => sitesOf(child as Config, [...path, 'states', key], `${id}.${key}`)),
  ]
}

function actionsOf(given: unknown, path: Path, label: string): Site[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) return [{ name: `${label}: without ${nameOf(given)}`, path }]
  return given.map((action, index) => ({ name: `${label}: without ${nameOf(action)} (${index + 1} of ${given.length})`, path: [...path, index] }))
}

function nameOf(part: unknown): string {
  if (typeof part === 'string') return part
  const { type, params } = part as { type?: string; params?: unknown }
  const id = typeof params === 'object' ? Object.values(params as object).join(' ') : ''
  return type === undefined || type === 'xstate.assign' ? 'an assign' : id === '' ? type : `${type} ${id}`
}

/** A copy of the config in which what is at `path` is not there. */
function without(value: unknown, [key, ...rest]: Path): unknown {
  if (Array.isArray(value)) return rest.length === 0 ? value.toSpliced(key as number, 1) : value.with(key as number, without(value[key as number], rest))
  const { [key!]: part, ...others } = value as Config
  return rest.length === 0 ? others : { ...(value as Config), [key!]: without(part, rest) }
}
