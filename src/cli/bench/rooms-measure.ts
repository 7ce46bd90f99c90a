import { systemClock } from '../../kernel/clock.ts'

/** What one contender measured in one round. */
export interface Round {
  perSecond: number
  /** CPU time of this process, us per message. */
  cpuUs: number
  /** One-way latency in ms, where it is measured. */
  p50?: number
}

export interface Contender {
  run(messages: number): Promise<unknown>
  close(): Promise<void>
}

export const payload = { text: 'x'.repeat(250) }
export const jobConcurrency = 100
export const batch = 1_000
export const perSecond = 1_000

/** Counts to a number, then resolves. */
export function countdown(count: number): { promise: Promise<void>; tick: () => void } {
  let left = count
  let finish = (): void => {}
  const promise = new Promise<void>((resolve) => (finish = resolve))
  return {
    promise,
    tick: () => {
      if (--left === 0) finish()
    },
  }
}

export async function measured(messages: number, work: () => Promise<void>): Promise<Round> {
  const cpu = process.cpuUsage()
  const start = systemClock.monotonic()
  await work()
  const ms = systemClock.monotonic() - start
  const used = process.cpuUsage(cpu)
  return { perSecond: messages / (ms / 1_000), cpuUs: (used.user + used.system) / messages }
}

/** `concurrency` callers that each wait for their call before the next one. */
export async function callers(concurrency: number, messages: number, call: () => Promise<unknown>): Promise<void> {
  let begun = 0
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (begun++ < messages) await call()
  }))
}

/** Sends at an even rate: what is due by now, then a short sleep. */
export async function evenly(messages: number, send: () => Promise<unknown>): Promise<void> {
  const start = systemClock.monotonic()
  const sends: Promise<unknown>[] = []
  while (sends.length < messages) {
    const due = Math.min(messages, Math.ceil(((systemClock.monotonic() - start) / 1_000) * perSecond))
    while (sends.length < due) sends.push(send())
    await new Promise<void>((resolve) => systemClock.timer(1, resolve))
  }
  await Promise.all(sends)
}

export function percentile(samples: number[], share: number): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length * share)]!
}
