import { setup } from 'xstate'
import { begin, end, isRunning, noNonces, type Nonces, type TimerEvent } from './timers.ts'

export interface AgentCost {
  tokens: number
  /** In whatever unit the budget is. */
  spend: number
}

/** `ready` to be called (again, after a resume); `asked`: somebody must allow it; `running`; `keeping`: its result is on its way to the store; `kept`. */
export type AgentCallStatus = 'ready' | 'asked' | 'running' | 'keeping' | 'kept'
/** What became of a call: what the tool said, failures included, or that nobody allowed it. */
export type AgentCallOutcome = 'called' | 'refused' | 'expired'

export interface AgentCall {
  /** `STEP.INDEX`, the same after a resume: the idempotency key of the call. */
  id: string
  dangerous: boolean
  status: AgentCallStatus
  outcome: AgentCallOutcome
}

export interface AgentRunInput {
  /** None of these is ever exceeded by another step or call. */
  budget: AgentCost & { steps: number; wallMs: number }
  /** What one step may cost at most; it is charged before the model is asked. */
  stepCost: AgentCost
  /** Questions to the model for one step before the run fails. */
  maxAttempts: number
  approvalMs: number
  retryMs: number
  /** What the store has of an earlier life of the run. */
  resume?: { step: number; used: AgentCost; answered: boolean; calls: readonly AgentCall[] }
  nonceWrap?: number
}

export type AgentOutcome = 'done' | 'failed' | 'cancelled' | 'out of budget'

export interface AgentRunContext extends Omit<AgentRunInput, 'nonceWrap' | 'resume'> {
  /** The present step, 0 before the first. */
  step: number
  /** Of the whole run, the charge of a step under way included. */
  used: AgentCost
  attempt: number
  calls: readonly AgentCall[]
  /** The model wants nothing called any more. */
  answered: boolean
  pausing: boolean
  /** Done, unless it is something else. */
  outcome: AgentOutcome
  /** Timers `wall`, `again`, and one `approval ID` for each call that was asked about. */
  nonces: Nonces
}

export type AgentRunEvent =
  | { type: 'start' }
  /** The step, with its charge, is durable. */
  | { type: 'begun'; step: number }
  /** The model answered: what it really cost, and what it wants called. Without calls that was the last step. */
  | { type: 'thought'; step: number; attempt: number; cost: AgentCost; calls: readonly { dangerous: boolean }[] }
  | { type: 'unthought'; step: number; attempt: number; retryable: boolean }
  | { type: 'called'; call: string }
  | { type: 'approved'; call: string }
  | { type: 'refused'; call: string }
  /** The result of the call, whatever it was, is durable. */
  | { type: 'kept'; call: string }
  /** The step, or the end of the run, is durable. */
  | { type: 'saved' }
  /** No answer of the store: it may or may not have been done. */
  | { type: 'unanswered' }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'cancel' }
  /** Another node has the run. */
  | { type: 'lost' }
  | TimerEvent

export interface AgentRunCommands {
  /** Make durable that the step begins and is charged. Answered by begun or unanswered. */
  begin: { step: number; charge: AgentCost }
  /** Ask the model, for that much at most. Answered by thought or unthought. */
  think: { step: number; attempt: number; limit: AgentCost }
  /** Make durable what the model wants, and what it cost. Answered by saved or unanswered. */
  save: { step: number; used: AgentCost; calls: readonly AgentCall[]; answered: boolean }
  /** Answered by called. */
  call: { call: string }
  /** Answered by approved or refused. Asking again under the same id is harmless. */
  askApproval: { call: string }
  /** Make the result of a call durable. Answered by kept or unanswered. */
  keep: { call: string; outcome: AgentCallOutcome }
  /** Whatever is under way ends. */
  abort: undefined
  /** Answered by saved or unanswered. */
  conclude: { outcome: AgentOutcome }
  startTimer: { id: string; ms: number; nonce: number }
  cancelTimer: { id: string }
}

type Of<T extends AgentRunEvent['type']> = Extract<AgentRunEvent, { type: T }>
type Scope = { context: AgentRunContext; event: AgentRunEvent }

/**
 * One run of an agent: steps of a model, and the calls of tools that it wants. What is done is durable before the next thing begins, so that another process
 * goes on where this one died: a call whose result was kept is not made again, one whose result was not is made again under the same id.
 */
const run = setup({
  types: { context: {} as AgentRunContext, events: {} as AgentRunEvent, input: {} as AgentRunInput },
  actions: {
    begin: (_, _params: AgentRunCommands['begin']) => {},
    think: (_, _params: AgentRunCommands['think']) => {},
    save: (_, _params: AgentRunCommands['save']) => {},
    call: (_, _params: AgentRunCommands['call']) => {},
    askApproval: (_, _params: AgentRunCommands['askApproval']) => {},
    keep: (_, _params: AgentRunCommands['keep']) => {},
    abort: () => {},
    conclude: (_, _params: AgentRunCommands['conclude']) => {},
    startTimer: (_, _params: AgentRunCommands['startTimer']) => {},
    cancelTimer: (_, _params: AgentRunCommands['cancelTimer']) => {},
  },
  guards: {
    due: ({ context, event }, params: { id: string }) => event.type === 'timer' && event.id === params.id && isRunning(context.nonces, params.id, event.nonce),
    approvalDue: ({ context, event }) => event.type === 'timer' && event.id.startsWith(approvalTimer('')) && isRunning(context.nonces, event.id, event.nonce),
    ofStep: ({ context, event }) => event.type === 'begun' && event.step === context.step,
    ofAttempt: ({ context, event }) => 'attempt' in event && event.step === context.step && event.attempt === context.attempt,
    tryAgain: ({ context, event }) => event.type === 'unthought' && event.step === context.step && event.attempt === context.attempt && event.retryable && context.attempt < context.maxAttempts,
    callIs: ({ context, event }, params: { status: AgentCallStatus }) => 'call' in event && context.calls.some(({ id, status }) => id === event.call && status === params.status),
    hasCalls: ({ context }) => context.calls.some(({ status }) => status !== 'kept'),
    allKept: ({ context }) => context.calls.every(({ status }) => status === 'kept'),
    overspent: ({ context }) => context.used.tokens > context.budget.tokens || context.used.spend > context.budget.spend,
    cannotGoOn: ({ context }) => context.step >= context.budget.steps || !affords(context),
    dueAndBroke: ({ context, event }) => event.type === 'timer' && event.id === 'again' && isRunning(context.nonces, 'again', event.nonce) && !affords(context),
    pauses: ({ context }) => context.pausing,
    answered: ({ context }) => context.answered,
    endedAs: ({ context }, params: { outcome: AgentOutcome }) => context.outcome === params.outcome,
  },
})

const affords = ({ used, budget, stepCost }: AgentRunContext): boolean => used.tokens + stepCost.tokens <= budget.tokens && used.spend + stepCost.spend <= budget.spend
const approvalTimer = (call: string): string => `approval ${call}`
const nonceOf = (context: AgentRunContext, id: string): number => context.nonces.running[id] as number
const begun = (id: string) => run.assign(({ context }) => ({ nonces: begin(context.nonces, id) }))
const ended = (id: string) => run.assign(({ context }) => ({ nonces: end(context.nonces, id) }))
const timed = (id: string, ms: (context: AgentRunContext) => number) => [
  begun(id),
  { type: 'startTimer' as const, params: ({ context }: Scope) => ({ id, ms: ms(context), nonce: nonceOf(context, id) }) },
] as const
const untimed = (id: string) => [ended(id), { type: 'cancelTimer' as const, params: { id } }] as const
const whenDue = (id: string) => ({ type: 'due' as const, params: { id } })
const whenCall = (status: AgentCallStatus) => ({ type: 'callIs' as const, params: { status } })

/** The call that the event is about. */
const callOf = (event: AgentRunEvent): string => (event.type === 'timer' ? event.id.slice(approvalTimer('').length) : (event as Of<'called'>).call)
const set = (change: Partial<AgentCall>) => run.assign(({ context, event }) => ({ calls: context.calls.map((call) => (call.id === callOf(event) ? { ...call, ...change } : call)) }))
const make = [set({ status: 'running' }), { type: 'call' as const, params: ({ event }: Scope) => ({ call: callOf(event) }) }] as const
const keep = (outcome: AgentCallOutcome) => [set({ status: 'keeping', outcome }), { type: 'keep' as const, params: ({ event }: Scope) => ({ call: callOf(event), outcome }) }] as const
const noApproval = [
  run.assign(({ context, event }) => ({ nonces: end(context.nonces, approvalTimer(callOf(event))) })),
  { type: 'cancelTimer' as const, params: ({ event }: Scope) => ({ id: approvalTimer(callOf(event)) }) },
] as const

/** Calls that may be made are made, the others asked for, each with a deadline. */
const beginCalls = run.enqueueActions(({ context, enqueue }) => {
  let { nonces } = context
  for (const { id, dangerous, status } of context.calls) {
    if (status === 'kept') continue
    if (!dangerous) {
      enqueue({ type: 'call', params: { call: id } })
      continue
    }
    nonces = begin(nonces, approvalTimer(id))
    enqueue({ type: 'startTimer', params: { id: approvalTimer(id), ms: context.approvalMs, nonce: nonceOf({ ...context, nonces }, approvalTimer(id)) } })
    enqueue({ type: 'askApproval', params: { call: id } })
  }
  enqueue.assign({ nonces, calls: context.calls.map((call) => (call.status === 'kept' ? call : { ...call, status: call.dangerous ? 'asked' : 'running' })) })
})
const endApprovals = run.enqueueActions(({ context, enqueue }) => {
  const asked = context.calls.filter(({ status }) => status === 'asked').map(({ id }) => approvalTimer(id))
  for (const id of asked) enqueue({ type: 'cancelTimer', params: { id } })
  enqueue.assign({ nonces: end(context.nonces, ...asked) })
})
const keepAgain = run.enqueueActions(({ context, enqueue }) => {
  for (const { id, status, outcome } of context.calls) if (status === 'keeping') enqueue({ type: 'keep', params: { call: id, outcome } })
})

const toEnd = (outcome: AgentOutcome) => run.assign({ outcome })
const nextStep = run.assign(({ context }) => ({ step: context.step + 1, attempt: 1, calls: [] }))
const charge = run.assign(({ context: { used, stepCost } }) => ({ used: { tokens: used.tokens + stepCost.tokens, spend: used.spend + stepCost.spend } }))
/** What it was charged is given back, and what it cost taken. */
const settle = run.assign(({ context: { step, used, stepCost }, event }) => {
  const { cost, calls } = event as Of<'thought'>
  return {
    used: { tokens: used.tokens - stepCost.tokens + cost.tokens, spend: used.spend - stepCost.spend + cost.spend },
    answered: calls.length === 0,
    calls: calls.map(({ dangerous }, index): AgentCall => ({ id: `${step}.${index + 1}`, dangerous, status: 'ready', outcome: 'called' })),
  }
})
const repeat = <Request>(request: Request) => ({
  unanswered: { actions: timed('again', (context) => context.retryMs) },
  timer: { guard: whenDue('again'), actions: [ended('again'), request] },
}) as const

const beginStep = { type: 'begin' as const, params: ({ context }: Scope) => ({ step: context.step, charge: context.stepCost }) }
const think = { type: 'think' as const, params: ({ context }: Scope) => ({ step: context.step, attempt: context.attempt, limit: context.stepCost }) }
const save = { type: 'save' as const, params: ({ context }: Scope) => ({ step: context.step, used: context.used, calls: context.calls, answered: context.answered }) }
const conclude = { type: 'conclude' as const, params: ({ context }: Scope) => ({ outcome: context.outcome }) }

export const agentRunMachine = run.createMachine({
  id: 'agent-run',
  context: ({ input: { nonceWrap, resume, ...settings } }) => ({
    ...settings, step: resume?.step ?? 0, used: resume?.used ?? { tokens: 0, spend: 0 }, calls: (resume?.calls ?? []).map((call) => (call.status === 'kept' ? call : { ...call, status: 'ready' as const })), answered: resume?.answered ?? false,
    attempt: 1, pausing: false, outcome: 'done' as const, nonces: noNonces(nonceWrap),
  }),
  initial: 'idle',
  states: {
    idle: { on: { start: [{ guard: 'answered', target: 'concluding' }, { target: 'active' }], cancel: { target: 'concluding', actions: toEnd('cancelled') }, lost: 'lost' } },

    active: {
      entry: timed('wall', (context) => context.budget.wallMs),
      exit: [...untimed('wall'), 'abort'],
      initial: 'between',
      on: {
        timer: { guard: whenDue('wall'), target: 'concluding', actions: toEnd('out of budget') },
        pause: { actions: run.assign({ pausing: true }) },
        resume: { actions: run.assign({ pausing: false }) },
        cancel: { target: 'concluding', actions: toEnd('cancelled') },
        lost: 'lost',
      },
      states: {
        between: {
          always: [
            { guard: 'answered', target: '#agent-run.concluding' },
            { guard: 'overspent', target: '#agent-run.concluding', actions: toEnd('out of budget') },
            { guard: 'pauses', target: 'paused' },
            { guard: 'hasCalls', target: 'acting' },
            { guard: 'cannotGoOn', target: '#agent-run.concluding', actions: toEnd('out of budget') },
            { target: 'planning', actions: nextStep },
          ],
        },

        paused: {
          on: { resume: { target: 'between', actions: run.assign({ pausing: false }) } },
        },

        /** What the step may cost is charged, durably, before it is spent. */
        planning: {
          entry: [charge, beginStep],
          exit: untimed('again'),
          on: { begun: { guard: 'ofStep', target: 'thinking' }, ...repeat(beginStep) },
        },

        thinking: {
          entry: think,
          on: {
            thought: { guard: 'ofAttempt', target: 'saving', actions: settle },
            unthought: [
              { guard: 'tryAgain', target: 'resting' },
              { guard: 'ofAttempt', target: '#agent-run.concluding', actions: toEnd('failed') },
            ],
          },
        },

        /** What was charged for the attempt that failed may have been spent: the next one is charged anew. */
        resting: {
          entry: timed('again', (context) => context.retryMs),
          exit: untimed('again'),
          on: {
            timer: [
              { guard: 'dueAndBroke', target: '#agent-run.concluding', actions: toEnd('out of budget') },
              { guard: whenDue('again'), target: 'planning', actions: run.assign(({ context }) => ({ attempt: context.attempt + 1 })) },
            ],
          },
        },

        saving: {
          entry: save,
          exit: untimed('again'),
          on: {
            saved: 'between',
            ...repeat(save),
          },
        },

        acting: {
          entry: beginCalls,
          exit: [endApprovals, ...untimed('again')],
          always: { guard: 'allKept', target: 'between' },
          on: {
            approved: { guard: whenCall('asked'), actions: [...noApproval, ...make] },
            refused: { guard: whenCall('asked'), actions: [...noApproval, ...keep('refused')] },
            called: { guard: whenCall('running'), actions: keep('called') },
            kept: { guard: whenCall('keeping'), actions: set({ status: 'kept' }) },
            unanswered: { actions: timed('again', (context) => context.retryMs) },
            timer: [
              { guard: 'approvalDue', actions: [run.assign(({ context, event }) => ({ nonces: end(context.nonces, (event as TimerEvent).id) })), ...keep('expired')] },
              { guard: whenDue('again'), actions: [ended('again'), keepAgain] },
            ],
          },
        },
      },
    },

    concluding: {
      entry: conclude,
      exit: untimed('again'),
      on: {
        saved: [
          { guard: { type: 'endedAs', params: { outcome: 'done' } }, target: 'done' },
          { guard: { type: 'endedAs', params: { outcome: 'failed' } }, target: 'failed' },
          { guard: { type: 'endedAs', params: { outcome: 'cancelled' } }, target: 'cancelled' },
          { target: 'outOfBudget' },
        ],
        lost: 'lost',
        ...repeat(conclude),
      },
    },

    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    outOfBudget: { type: 'final' },
    lost: { type: 'final' },
  },
})
