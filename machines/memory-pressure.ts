import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export const pressureLevels = ['normal', 'elevated', 'high', 'critical'] as const
export type PressureLevel = (typeof pressureLevels)[number]

export interface MemoryPressureInput {
  /** Bytes that models may take together. */
  budget: number
  /** Share of the memory in use (0 to 1) from which on a level is reached; it is left when the share is below by `margin`. */
  levels: { elevated: number; high: number; critical: number; margin: number }
  /** Wait between two looks for room, ms. */
  againMs: number
  /** Looks after which models in use are drained for one that waits. */
  patience: number
  nonceWrap?: number
}

export interface Reservation {
  model: string
  bytes: number
  ask: number
}

export interface MemoryPressureContext extends Omit<MemoryPressureInput, 'nonceWrap'> {
  level: PressureLevel
  reserved: readonly Reservation[]
  /** Waiting for room, first come first served: who fits may not overtake who does not, or a large model would wait for ever. */
  queue: readonly Reservation[]
  /** Looks in vain for the first in the queue. */
  looks: number
  /** Timer `again`. */
  nonces: Nonces
}

export type MemoryPressureEvent =
  | ({ type: 'reserve' } & Reservation)
  /** The reservation, or the wait for it, is over. */
  | { type: 'free'; model: string; ask: number }
  /** The share of the memory that is in use, by whomever. */
  | { type: 'sample'; used: number }
  /** A load failed for want of memory. */
  | { type: 'short'; bytes: number }
  | TimerEvent

export interface MemoryPressureCommands {
  reserved: { model: string; ask: number }
  /** More than there is, whatever goes. */
  refused: { model: string; ask: number }
  /** Room is wanted: so many bytes for who waits (0: nobody does), and at `high` and `critical` until the level is left. Models in use only when `drain`. */
  makeRoom: { bytes: number; drain: boolean; level: PressureLevel }
  pressure: { level: PressureLevel }
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Of<T extends MemoryPressureEvent['type']> = Extract<MemoryPressureEvent, { type: T }>
type Scope = { context: MemoryPressureContext; event: MemoryPressureEvent }

/**
 * The memory of a node: who has reserved how much of the budget, who waits for room, and how short the memory is in truth, whoever takes it.
 * Nothing is granted that does not fit, and nothing at all while the level is critical.
 */
const pressure = setup({
  types: { context: {} as MemoryPressureContext, events: {} as MemoryPressureEvent, input: {} as MemoryPressureInput },
  actions: {
    reserved: (_, _params: MemoryPressureCommands['reserved']) => {},
    refused: (_, _params: MemoryPressureCommands['refused']) => {},
    makeRoom: (_, _params: MemoryPressureCommands['makeRoom']) => {},
    pressure: (_, _params: MemoryPressureCommands['pressure']) => {},
    startTimer: (_, _params: MemoryPressureCommands['startTimer']) => {},
    cancelTimer: (_, _params: MemoryPressureCommands['cancelTimer']) => {},
  },
  guards: {
    neverFits: ({ context, event }) => event.type === 'reserve' && event.bytes > context.budget,
    fitsNow: ({ context, event }) => event.type === 'reserve' && context.level !== 'critical' && context.queue.length === 0 && taken(context) + event.bytes <= context.budget,
    isFirst: ({ context, event }) => context.queue.slice(0, 1).some(isOf(event)),
    firstFits: ({ context }) => context.queue.length > 0 && context.level !== 'critical' && missing(context) === 0,
    becomes: ({ context, event }, params: { level: PressureLevel }) => event.type === 'sample' && context.level !== params.level && levelAt(context, event.used) === params.level,
    isShort: ({ context }) => isShort(context),
    isEnough: ({ context }) => !isShort(context),
    due: ({ context, event }) => event.type === 'timer' && isRunning(context.nonces, event.id, event.nonce),
  },
})

const taken = ({ reserved }: MemoryPressureContext): number => reserved.reduce((sum, { bytes }) => sum + bytes, 0)
/** What is wanting for the first in the queue. */
const missing = (context: MemoryPressureContext): number => (context.queue.length === 0 ? 0 : Math.max(0, taken(context) + context.queue[0]!.bytes - context.budget))
const isShort = ({ queue, level }: MemoryPressureContext): boolean => queue.length > 0 || level === 'high' || level === 'critical'

/** A level that was reached holds until the share is below it by the margin. */
function levelAt({ level, levels }: MemoryPressureContext, used: number): PressureLevel {
  const holds = (each: 'elevated' | 'high' | 'critical'): boolean => {
    const reached = pressureLevels.indexOf(level) >= pressureLevels.indexOf(each)
    return used >= levels[each] - (reached ? levels.margin : 0)
  }
  return holds('critical') ? 'critical' : holds('high') ? 'high' : holds('elevated') ? 'elevated' : 'normal'
}

const look = [
  pressure.assign(({ context }) => ({ nonces: begin(context.nonces, 'again') })),
  { type: 'startTimer' as const, params: ({ context }: Scope) => ({ id: 'again', ms: context.againMs, nonce: context.nonces.running['again'] as number }) },
] as const
const noLook = [pressure.assign(({ context }) => ({ nonces: end(context.nonces, 'again') })), { type: 'cancelTimer' as const, params: { id: 'again' } }] as const
const makeRoom = {
  type: 'makeRoom' as const,
  params: ({ context }: Scope) => ({ bytes: missing(context), drain: context.queue.length > 0 && context.looks >= context.patience, level: context.level }),
}
const afresh = pressure.assign({ looks: 0 })
const reservationOf = ({ model, bytes, ask }: Reservation): Reservation => ({ model, bytes, ask })
const isOf = (event: MemoryPressureEvent) => ({ model, ask }: Reservation): boolean => event.type === 'free' && event.model === model && event.ask === ask
const askOf = ({ event }: Scope) => ({ model: (event as Of<'reserve'>).model, ask: (event as Of<'reserve'>).ask })

const becomes = (level: PressureLevel) => ({ guard: { type: 'becomes' as const, params: { level } }, target: `.${level}` as const })
const entered = (level: PressureLevel) => ({ entry: [pressure.assign({ level }), { type: 'pressure' as const, params: { level } }] })

export const memoryPressureMachine = pressure.createMachine({
  id: 'memory-pressure',
  type: 'parallel',
  context: ({ input: { nonceWrap, ...settings } }) => ({ ...settings, level: 'normal' as const, reserved: [], queue: [], looks: 0, nonces: noNonces(nonceWrap) }),
  on: {
    reserve: [
      { guard: 'neverFits', actions: { type: 'refused', params: askOf } },
      {
        guard: 'fitsNow',
        actions: [pressure.assign(({ context, event }) => ({ reserved: [...context.reserved, reservationOf(event as Of<'reserve'>)] })), { type: 'reserved', params: askOf }],
      },
      { actions: pressure.assign(({ context, event }) => ({ queue: [...context.queue, reservationOf(event as Of<'reserve'>)] })) },
    ],
    free: [
      { guard: 'isFirst', actions: [pressure.assign(({ context }) => ({ queue: context.queue.slice(1) })), afresh] },
      {
        actions: pressure.assign(({ context, event }) => ({
          reserved: context.reserved.filter((reservation) => !isOf(event)(reservation)), queue: context.queue.filter((reservation) => !isOf(event)(reservation)),
        })),
      },
    ],
    short: { actions: { type: 'makeRoom', params: ({ context, event }) => ({ bytes: (event as Of<'short'>).bytes, drain: false, level: context.level }) } },
  },
  states: {
    level: {
      initial: 'normal',
      on: { sample: [becomes('normal'), becomes('elevated'), becomes('high'), becomes('critical')] },
      states: { normal: entered('normal'), elevated: entered('elevated'), high: entered('high'), critical: entered('critical') },
    },
    room: {
      initial: 'enough',
      states: {
        enough: {
          always: { guard: 'isShort', target: 'short' },
        },
        /** Looks again and again until there is room for all who wait and the level is left. */
        short: {
          entry: [makeRoom, ...look],
          exit: noLook,
          always: [
            {
              guard: 'firstFits',
              actions: [
                { type: 'reserved', params: ({ context }) => ({ model: context.queue[0]!.model, ask: context.queue[0]!.ask }) },
                pressure.assign(({ context }) => ({ reserved: [...context.reserved, context.queue[0]!], queue: context.queue.slice(1) })),
                afresh,
              ],
            },
            { guard: 'isEnough', target: 'enough' },
          ],
          on: { timer: { guard: 'due', actions: [pressure.assign(({ context }) => ({ looks: context.queue.length === 0 ? 0 : Math.min(context.looks + 1, context.patience) })), makeRoom, ...look] } },
        },
      },
    },
  },
})
