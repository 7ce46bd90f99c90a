import { InvalidArgument, ScopeForbidden } from '../../src/kernel/errors.ts'
import type { Scope } from './types.ts'

const fields = ['project', 'agent', 'session'] as const
const maxLength = 300

/** Checks what a caller gave as a scope. Throws `InvalidArgument` naming the field. */
export function checkScope(scope: unknown, field = 'scope'): Scope {
  if (scope === undefined) return {}
  if (typeof scope !== 'object' || scope === null || Array.isArray(scope)) throw new InvalidArgument(field, 'must be an object with project, agent or session')
  const unknown = Object.keys(scope).find((name) => !(fields as readonly string[]).includes(name))
  if (unknown !== undefined) throw new InvalidArgument(`${field}.${unknown}`, 'is not known: a scope has project, agent and session')
  const checked: Scope = {}
  for (const name of fields) {
    const value = (scope as Scope)[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value === '') throw new InvalidArgument(`${field}.${name}`, 'must be a string that is not empty; leave it out for all')
    if (value.length > maxLength) throw new InvalidArgument(`${field}.${name}`, `has ${value.length} characters; ${maxLength} are allowed`)
    if (/\p{Cc}/u.test(value) || !(value as string & { isWellFormed(): boolean }).isWellFormed()) throw new InvalidArgument(`${field}.${name}`, 'may not hold control characters or half of a surrogate pair')
    checked[name] = value
  }
  return checked
}

/** What is asked for, within what the view may see. Throws `ScopeForbidden` when it asks for something outside. */
export function narrow(bound: Scope, asked: Scope): Scope {
  for (const name of fields) {
    if (bound[name] !== undefined && asked[name] !== undefined && bound[name] !== asked[name]) throw new ScopeForbidden(name, asked[name])
  }
  return { ...asked, ...bound }
}

export function isWithin(bound: Scope, scope: Scope): boolean {
  return fields.every((name) => bound[name] === undefined || bound[name] === (scope[name] ?? ''))
}

export function isEmpty(scope: Scope): boolean {
  return fields.every((name) => scope[name] === undefined)
}
