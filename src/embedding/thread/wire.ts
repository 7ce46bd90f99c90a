import type { ModelInfo, ModelSource, Purpose } from '../types.ts'

/** Given to the thread when it is started. */
export interface ThreadOptions {
  source: ModelSource
}

export type ToThread = { kind: 'run'; run: number; purpose: Purpose; texts: readonly string[] }

export type FromThread =
  | { kind: 'ready'; info: ModelInfo }
  /** The thread ends after this. */
  | { kind: 'unusable'; problem: ThreadProblem }
  /** One vector after the other. */
  | { kind: 'answered'; run: number; vectors: Float32Array }
  | { kind: 'failed'; run: number; problem: ThreadProblem }

/** An error between two threads: classes do not survive the copy. */
export interface ThreadProblem {
  code: string
  message: string
  stack?: string
}
