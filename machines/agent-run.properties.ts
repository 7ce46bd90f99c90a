import type { SnapshotFrom } from 'xstate'
import { agentRunMachine, type AgentCall, type AgentCost, type AgentRunEvent } from './agent-run.ts'

type Snapshot = SnapshotFrom<typeof agentRunMachine>
type Command = { type: string; params?: any }
type StepTest = (before: Snapshot, event: AgentRunEvent, after: Snapshot, commands: readonly Command[]) => boolean

const running = (state: Snapshot): Record<string, number> => state.context.nonces.running as Record<string, number>
const has = (commands: readonly Command[], type: string): boolean => commands.some((command) => command.type === type)
const approvalOf = (call: string): string => `approval ${call}`
const isDue = (before: Snapshot, event: AgentRunEvent, id: string): boolean => event.type === 'timer' && event.id === id && running(before)[id] === event.nonce
const inside = (name: 'planning' | 'thinking' | 'resting' | 'saving' | 'acting' | 'paused') => (state: Snapshot): boolean => state.matches({ active: name })
const planning = inside('planning')
const thinking = inside('thinking')
const resting = inside('resting')
const saving = inside('saving')
const acting = inside('acting')
const concluding = (state: Snapshot): boolean => state.matches('concluding')
const enters = (test: (state: Snapshot) => boolean, before: Snapshot, after: Snapshot): boolean => test(after) && !test(before)
const isOfAttempt = ({ context }: Snapshot, event: AgentRunEvent): boolean => 'attempt' in event && event.attempt === context.attempt && event.step === context.step
const statusOf = ({ context }: Snapshot, id: string): AgentCall['status'] | undefined => context.calls.find((call) => call.id === id)?.status
const within = (one: AgentCost, other: AgentCost): boolean => one.tokens <= other.tokens && one.spend <= other.spend
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** 0 is never given out, so it stands for every nonce that was replaced, and for steps and attempts that are over. */
const stale = 0
const budget = { steps: 3, tokens: 5, spend: 4, wallMs: 11 }
const stepCost = { tokens: 2, spend: 1 }
const patience = { wall: 11, again: 12, approval: 13 }
const asksStore = (state: Snapshot): boolean => (planning(state) || saving(state) || concluding(state)) && running(state)['again'] === undefined
const keeps = ({ context }: Snapshot): boolean => context.calls.some(({ status }) => status === 'keeping')

/** What the model, the tools, the people and the store may do next, and what may arrive late or of another step. */
function events(state: Snapshot): AgentRunEvent[] {
  const { step, attempt, calls } = state.context
  const ids = [...calls.map(({ id }) => id), '9.9']
  const answers: AgentRunEvent[] = !thinking(state) ? [] : [
    ...[[], [false], [true, false]].map((wanted): AgentRunEvent => ({ type: 'thought', step, attempt, cost: { tokens: 1, spend: 1 }, calls: wanted.map((dangerous) => ({ dangerous })) })),
    // More than it was told to.
    { type: 'thought', step, attempt, cost: { tokens: 9, spend: 1 }, calls: [{ dangerous: false }] },
    { type: 'unthought', step, attempt, retryable: true },
    { type: 'unthought', step, attempt, retryable: false },
  ]
  return [
    { type: 'start' }, { type: 'pause' }, { type: 'resume' }, { type: 'cancel' }, { type: 'lost' },
    ...answers,
    { type: 'thought', step, attempt: stale, cost: stepCost, calls: [] }, { type: 'unthought', step: stale, attempt, retryable: true }, { type: 'unthought', step, attempt: stale, retryable: false },
    { type: 'begun', step: stale },
    ...(planning(state) && asksStore(state) ? [{ type: 'begun' as const, step }] : []),
    ...((saving(state) || concluding(state)) && asksStore(state) ? [{ type: 'saved' as const }] : []),
    ...(asksStore(state) || (acting(state) && keeps(state) && running(state)['again'] === undefined) ? [{ type: 'unanswered' as const }] : []),
    ...ids.flatMap((call): AgentRunEvent[] => [
      { type: 'approved', call }, { type: 'refused', call }, { type: 'called', call }, { type: 'kept', call },
    ]),
    ...['wall', 'again', ...ids.map(approvalOf)].flatMap((id) => [running(state)[id] ?? stale, stale].map((nonce): AgentRunEvent => ({ type: 'timer', id, nonce }))),
  ]
}

const wallComes = (event: AgentRunEvent): boolean => event.type === 'timer' && event.id === 'wall' && event.nonce !== stale
const againComes = (event: AgentRunEvent): boolean => event.type === 'timer' && event.id === 'again' && event.nonce !== stale
const storeAnswers = (event: AgentRunEvent): boolean => event.type === 'saved'

export const agentRunProperties = {
  events,
  input: { budget, stepCost, maxAttempts: 2, approvalMs: patience.approval, retryMs: patience.again, nonceWrap: 6 },
  /** Nonces are only ever compared with those of an answer. */
  key: ({ value, context: { step, used, attempt, calls, answered, pausing, outcome, nonces } }: Snapshot) => ({ value, step, used, attempt, calls, answered, pausing, outcome, running: Object.keys(nonces.running).sort() }),

  invariants: {
    'steps and attempts are bounded': ({ context }: Snapshot) => context.step <= budget.steps && context.attempt <= 2,
    'no more is charged than the budget has': (state: Snapshot) => !(planning(state) || thinking(state) || resting(state)) || within(state.context.used, budget),
    'what is over budget goes no further': (state: Snapshot) => within(state.context.used, budget) || !(planning(state) || thinking(state) || acting(state) || inside('paused')(state)),
    'a run that is active has a deadline, and none after': (state: Snapshot) => (running(state)['wall'] !== undefined) === state.matches('active'),
    'what waits for a person has a deadline, and nothing else': (state: Snapshot) => state.context.calls.every(({ id, status }) => (running(state)[approvalOf(id)] !== undefined) === (acting(state) && status === 'asked')),
    'dangerous calls are asked about, the others are not': ({ context }: Snapshot) => context.calls.every(({ dangerous, status }) => dangerous || status !== 'asked'),
    'ids of calls are stable': ({ context }: Snapshot) => context.calls.every(({ id }, index) => id === `${context.step}.${index + 1}`),
    'calls are under way only while it acts': (state: Snapshot) => acting(state) || !state.matches('active') || state.context.calls.every(({ status }) => status === 'kept' || (status === 'ready' && (saving(state) || inside('paused')(state)))),
    'nothing is left running at the end': (state: Snapshot) => state.status !== 'done' || Object.keys(running(state)).length === 0,
  },

  steps: {
    'the model is asked only when the step and its charge are durable': (before, event, after, commands) => has(commands, 'think') === enters(thinking, before, after) &&
      (!has(commands, 'think') || (planning(before) && event.type === 'begun' && event.step === before.context.step)) &&
      commands.every(({ type, params }) => type !== 'think' || same(params, { step: after.context.step, attempt: after.context.attempt, limit: stepCost })),
    'every attempt at a step is charged before, and settled after': (before, event, after) => same(after.context.used, event.type === 'thought' && isOfAttempt(before, event) && thinking(before)
      ? { tokens: before.context.used.tokens - stepCost.tokens + event.cost.tokens, spend: before.context.used.spend - stepCost.spend + event.cost.spend }
      : enters(planning, before, after) ? { tokens: before.context.used.tokens + stepCost.tokens, spend: before.context.used.spend + stepCost.spend } : before.context.used),
    'and is announced to the store as it is': (before, event, after, commands) => has(commands, 'begin') === (enters(planning, before, after) || (planning(before) && isDue(before, event, 'again'))) &&
      commands.every(({ type, params }) => type !== 'begin' || same(params, { step: after.context.step, charge: stepCost })),
    'steps go up by one, an attempt at a time': (before, event, after) => enters(planning, before, after)
      ? (resting(before) ? after.context.step === before.context.step && after.context.attempt === before.context.attempt + 1 : after.context.step === before.context.step + 1 && after.context.attempt === 1 && after.context.calls.length === 0)
      : after.context.step === before.context.step && after.context.attempt === before.context.attempt && event.type !== undefined,
    'what the model wants is durable before it is done': (before, event, after, commands) => has(commands, 'save') === (enters(saving, before, after) || (saving(before) && isDue(before, event, 'again'))) &&
      commands.every(({ type, params }) => type !== 'save' || same(params, { step: after.context.step, used: after.context.used, calls: after.context.calls, answered: after.context.answered })) &&
      (!saving(before) || saving(after) || event.type === 'saved' || !state(after, 'acting', 'planning')),
    'what it wants is what it said': (before, event, after) => !(event.type === 'thought' && isOfAttempt(before, event) && thinking(before)) ||
      (saving(after) && after.context.answered === (event.calls.length === 0) && same(after.context.calls.map(({ dangerous, status }) => ({ dangerous, status })), event.calls.map(({ dangerous }) => ({ dangerous, status: 'ready' })))),
    'a completed call is never repeated': (before, _event, _after, commands) => commands.every(({ type, params }) => type !== 'call' || !['kept', 'keeping', 'running'].includes(statusOf(before, params.call) as string)),
    'a dangerous call is made only when it was approved': (before, event, _after, commands) => commands.every(({ type, params }) => type !== 'call' ||
      !before.context.calls.find(({ id }) => id === params.call)?.dangerous || (event.type === 'approved' && event.call === params.call && statusOf(before, params.call) === 'asked')),
    'every call is made or asked about when its turn comes': (before, _event, after, commands) => !enters(acting, before, after) || after.context.calls.every(({ id, dangerous, status }) => status === 'kept' ||
      commands.some(({ type, params }) => type === (dangerous ? 'askApproval' : 'call') && params.call === id)),
    'a call that runs was made': (before, _event, after, commands) => after.context.calls.every(({ id, status }) => status !== 'running' || statusOf(before, id) === 'running' || commands.some(({ type, params }) => type === 'call' && params.call === id)),
    'a result is kept as what it is': (before, event, after, commands) => commands.every(({ type, params }) => type !== 'keep' || (statusOf(after, params.call) === 'keeping' && (isDue(before, event, 'again')
      || (event.type === 'called' ? params.outcome === 'called' && statusOf(before, params.call) === 'running' : statusOf(before, params.call) === 'asked' && params.outcome === (event.type === 'refused' ? 'refused' : 'expired'))))),
    'the word of a tool or a person is heeded': (before, event, after) => !acting(before) || !('call' in event) || statusOf(before, event.call) !== ({ called: 'running', approved: 'asked', refused: 'asked', kept: 'keeping' } as const)[event.type] ||
      !acting(after) || statusOf(after, event.call) === ({ called: 'keeping', approved: 'running', refused: 'keeping', kept: 'kept' } as const)[event.type],
    'but only about a call in that state': (before, event, after) => !('call' in event) || (acting(before) && statusOf(before, event.call) === ({ called: 'running', approved: 'asked', refused: 'asked', kept: 'keeping' } as const)[event.type]) || before === after,
    'what became of a call is remembered': (before, event, after) => before.context.calls.every(({ id, outcome }) => (after.context.calls.find((call) => call.id === id)?.outcome ?? outcome) === (
      acting(before) && event.type === 'refused' && event.call === id && statusOf(before, id) === 'asked' ? 'refused' : isDue(before, event, approvalOf(id)) ? 'expired' : outcome)),
    'a result is asked to be kept when it comes, and again when the store does not answer': (before, event, after, commands) => after.context.calls.every(({ id, status }) => status !== 'keeping' || !acting(after) ||
      (statusOf(before, id) === 'keeping' && !isDue(before, event, 'again')) || commands.some(({ type, params }) => type === 'keep' && params.call === id)),
    'an approval that does not come in time is a refusal': (before, event, after) => before.context.calls.every(({ id }) => !isDue(before, event, approvalOf(id)) || statusOf(after, id) === 'keeping'),
    'only an answer of this attempt counts': (before, event, after) => !(event.type === 'thought' || event.type === 'unthought') || (thinking(before) && isOfAttempt(before, event)) || before === after,
    'only the step in hand begins': (before, event, after) => event.type !== 'begun' || (planning(before) && event.step === before.context.step) || before === after,
    'what failed is tried again as often as allowed': (before, event, after) => !(event.type === 'unthought' && thinking(before) && isOfAttempt(before, event)) ||
      (event.retryable && before.context.attempt < 2 ? resting(after) : concluding(after) && after.context.outcome === 'failed'),
    'an answer ends the run, unless it is ended before': (before, event, after) => !(saving(before) && event.type === 'saved') || (before.context.answered ? concluding(after) && after.context.outcome === 'done' : !concluding(after) || after.context.outcome === 'out of budget'),
    'the outcome is the true one': (before, event, after) => !enters(concluding, before, after) || after.context.outcome === (
      event.type === 'cancel' ? 'cancelled' : isDue(before, event, 'wall') ? 'out of budget' : event.type === 'unthought' ? 'failed' : before.context.answered ? 'done' : 'out of budget'),
    'and stays what it is': (before, _event, after) => after.context.outcome === before.context.outcome || enters(concluding, before, after),
    'it is out of budget only when it is': (before, event, after) => !(enters(concluding, before, after) && after.context.outcome === 'out of budget') || isDue(before, event, 'wall') || after.context.step >= budget.steps ||
      !within({ tokens: after.context.used.tokens + stepCost.tokens, spend: after.context.used.spend + stepCost.spend }, budget),
    'whatever is under way ends with it': (before, _event, after, commands) => has(commands, 'abort') === (before.matches('active') && !after.matches('active')),
    'the end is told to the store as it is': (before, event, after, commands) => has(commands, 'conclude') === (enters(concluding, before, after) || (concluding(before) && isDue(before, event, 'again'))) &&
      commands.every(({ type, params }) => type !== 'conclude' || params.outcome === after.context.outcome),
    'and is the word of the store': (before, event, after) => before.status === 'done' || after.status !== 'done' || after.matches('lost') ||
      (concluding(before) && event.type === 'saved' && after.matches(({ done: 'done', failed: 'failed', cancelled: 'cancelled', 'out of budget': 'outOfBudget' } as const)[before.context.outcome])),
    'cancelling ends it at any point': (before, event, after) => event.type !== 'cancel' || before.status === 'done' || concluding(after),
    'the deadline ends it at any point': (before, event, after) => !isDue(before, event, 'wall') || (concluding(after) && after.context.outcome === 'out of budget'),
    'a run that another node has ends here': (before, event, after) => event.type !== 'lost' || before.status === 'done' || after.matches('lost'),
    'a pause begins after the step, and ends when it is told to': (before, event, after) => after.context.pausing === (event.type === 'resume' && before.matches('active') ? false : event.type === 'pause' && before.matches('active') ? true : before.context.pausing) &&
      !(before.context.pausing && event.type !== 'resume' && (enters(planning, before, after) && !resting(before) || enters(acting, before, after))) && (event.type !== 'resume' || !inside('paused')(before) || !inside('paused')(after)),
    'each timer has its patience': (_before, _event, _after, commands) => commands.every(({ type, params }) => type !== 'startTimer' || params.ms === patience[(params.id as string).split(' ')[0] as 'wall']),
    'a timer that is started is a new one, and is asked for': (before, _event, after, commands) => Object.entries(running(after)).every(([id, nonce]) =>
      nonce === running(before)[id] || commands.some(({ type, params }) => type === 'startTimer' && params.id === id && params.nonce === nonce)) &&
      commands.every(({ type, params }) => type !== 'startTimer' || (params.nonce !== undefined && params.nonce === running(after)[params.id] && params.nonce !== running(before)[params.id])),
    'a timer that fired is over': (before, event, after) => event.type !== 'timer' || !isDue(before, event, event.id) || running(after)[event.id] !== event.nonce,
    'a timer that ended is cancelled': (before, event, after, commands) => Object.keys(running(before)).every((id) =>
      running(after)[id] !== undefined || isDue(before, event, id) || commands.some(({ type, params }) => type === 'cancelTimer' && params.id === id)),
    'a timer that was replaced changes nothing': (before, event, after) => event.type !== 'timer' || event.nonce !== stale || before === after,
  } satisfies Record<string, StepTest>,

  reachable: {
    done: (state: Snapshot) => state.matches('done'),
    failed: (state: Snapshot) => state.matches('failed'),
    cancelled: (state: Snapshot) => state.matches('cancelled'),
    'out of budget': (state: Snapshot) => state.matches('outOfBudget'),
    'one call runs while another waits for a person': ({ context }: Snapshot) => context.calls.some(({ status }) => status === 'running') && context.calls.some(({ status }) => status === 'asked'),
    paused: inside('paused'),
  },

  leadsTo: {
    'a run comes to an end': {
      from: (state: Snapshot): boolean => state.matches('active'),
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [wallComes, againComes],
      strong: [storeAnswers],
    },
    'cancelling leads to the end': {
      from: (state: Snapshot): boolean => concluding(state),
      to: (state: Snapshot): boolean => state.status === 'done',
      weak: [againComes],
      strong: [storeAnswers],
    },
    'a call that waits for a person waits no longer than its deadline': {
      from: (state: Snapshot): boolean => acting(state) && state.context.calls.some(({ status }) => status === 'asked'),
      to: (state: Snapshot): boolean => !state.context.calls.some(({ status }) => status === 'asked') || !acting(state),
      weak: [function approvalExpires(event: AgentRunEvent) { return event.type === 'timer' && event.id.startsWith('approval') && event.nonce !== stale }],
    },
  },

  mayStop: (state: Snapshot): boolean => state.status === 'done',
}

function state(snapshot: Snapshot, ...names: ('planning' | 'acting')[]): boolean {
  return names.some((name) => snapshot.matches({ active: name }))
}

const calls: AgentCall[] = [
  { id: '1.1', dangerous: true, status: 'ready', outcome: 'called' },
  { id: '1.2', dangerous: false, status: 'kept', outcome: 'called' },
  { id: '1.3', dangerous: false, status: 'running', outcome: 'called' },
]
const { reachable: _fresh, leadsTo, ...rest } = agentRunProperties

/** As above, after a process died in the middle of a step: one call is kept, one may have been made, one was never allowed. */
export const resumedRunProperties = { ...rest, input: { ...rest.input, resume: { step: 1, used: { tokens: 1, spend: 1 }, answered: false, calls } }, leadsTo }
/** As above, after a process died with the answer in the store. */
export const answeredRunProperties = { ...rest, input: { ...rest.input, resume: { step: 1, used: { tokens: 1, spend: 1 }, answered: true, calls: [] } }, leadsTo: { 'cancelling leads to the end': leadsTo['cancelling leads to the end'] } }
