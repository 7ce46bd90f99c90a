import { strategies } from '../../machines/supervisor.ts'
import { InvalidArgument } from './errors.ts'
import type { Backoff, GroupSpec, RestartType, Strategy, Supervision } from './types.ts'

const defaultIntensity = { maxRestarts: 5, windowMs: 60_000 }
const defaultBackoff = { minMs: 100, maxMs: 30_000, resetAfterMs: 60_000 }

type Policy = Pick<GroupSpec, 'intensity' | 'backoff'>

/** Shared by every actor that is spawned without options of its own. */
export const defaultPolicy: Policy = { intensity: defaultIntensity, backoff: defaultBackoff }

/** Fills in the defaults and refuses what makes no sense. */
export function policyOf(options: Omit<Supervision, 'restart'>): Policy {
  const intensity = {
    maxRestarts: atLeast('maxRestarts', 0, options.maxRestarts ?? defaultIntensity.maxRestarts),
    windowMs: atLeast('windowMs', 1, options.windowMs ?? defaultIntensity.windowMs),
  }
  return { intensity, backoff: backoffOf(options.backoff) }
}

const restartTypes: readonly RestartType[] = ['permanent', 'transient', 'temporary']

export function restartOf(restart: RestartType = 'transient'): RestartType {
  return oneOf('restart', restartTypes, restart)
}

export function strategyOf(strategy: Strategy): Strategy {
  return oneOf('strategy', Object.keys(strategies) as Strategy[], strategy)
}

function oneOf<T>(field: string, choices: readonly T[], value: T): T {
  if (!choices.includes(value)) throw new InvalidArgument(field, `must be one of ${choices.join(', ')}, is ${String(value)}`)
  return value
}

function backoffOf(options: Backoff = {}): Required<Backoff> {
  const minMs = atLeast('backoff.minMs', 0, options.minMs ?? Math.min(defaultBackoff.minMs, options.maxMs ?? Infinity))
  return {
    minMs,
    maxMs: atLeast('backoff.maxMs', minMs, options.maxMs ?? Math.max(defaultBackoff.maxMs, minMs)),
    resetAfterMs: atLeast('backoff.resetAfterMs', 0, options.resetAfterMs ?? defaultBackoff.resetAfterMs),
  }
}

function atLeast(field: string, least: number, value: number): number {
  if (!(value >= least)) throw new InvalidArgument(field, `must be a number of at least ${least}, is ${value}`)
  return value
}
