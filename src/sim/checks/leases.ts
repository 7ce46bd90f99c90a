import type { SequentialModel } from './linearizable.ts'

export type LeaseCall =
  /** `fence` is absent when it was refused. `unsure`: its caller was not told. */
  | { kind: 'acquire'; holder: string; ttlMs: number; fence?: number; unsure?: boolean }
  | { kind: 'renew'; holder: string; ttlMs: number; fence: number; ok: boolean; unsure?: boolean }
  | { kind: 'release'; holder: string; fence: number; ok: boolean; unsure?: boolean }

export interface LeaseState {
  /** Absent: nobody. */
  holder: string | undefined
  /** 0 when its holder does not know it. */
  fence: number
  last: number
  /** It ends between these moments: a grant counts from somewhere within its call. */
  soonest: number
  latest: number
  /** Nothing is known yet. */
  wild: boolean
}

/** Of a lease that nothing is known of. */
export const unknownLease: LeaseState = { holder: undefined, fence: 0, last: 0, soonest: 0, latest: 0, wild: true }

export const leaseModel = (init: LeaseState): SequentialModel<LeaseState, LeaseCall> => ({
  init,
  key: ({ holder, fence, last, soonest, latest, wild }) => `${holder} ${fence} ${last} ${soonest} ${latest} ${wild}`,
  step(state, operation) {
    const { call, from, to } = operation
    const mayBeHeld = state.holder !== undefined && from <= state.latest
    const mayBeFree = state.holder === undefined || to >= state.soonest
    const granted = (fence: number, ttlMs: number): LeaseState => ({
      holder: call.holder, fence, last: Math.max(state.last, fence), soonest: from + ttlMs, latest: to + ttlMs, wild: false,
    })
    if (call.kind === 'acquire') {
      if (call.unsure) return state.wild || state.holder === call.holder || mayBeFree ? { ...granted(0, call.ttlMs), wild: state.wild } : undefined
      if (call.fence === undefined) return state.wild || (mayBeHeld && state.holder !== call.holder) ? state : undefined
      return call.fence > state.last && (state.wild || state.holder === call.holder || mayBeFree) ? granted(call.fence, call.ttlMs) : undefined
    }
    const mine = state.wild || (state.holder === call.holder && state.fence === call.fence && mayBeHeld)
    if (!call.ok && !call.unsure) return state.wild || mayBeFree || state.holder !== call.holder || state.fence !== call.fence ? state : undefined
    if (!mine) return undefined
    if (call.kind === 'renew') return { ...granted(call.fence, call.ttlMs), wild: state.wild }
    return { ...state, holder: undefined, fence: 0 }
  },
})
