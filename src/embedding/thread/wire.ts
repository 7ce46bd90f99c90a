import type { ModelInfo, ModelSource, Purpose } from '../types.ts'

/** Given to the thread when it is started. */
export interface ThreadOptions {
  source: ModelSource
}

/** The texts one behind the other, and the length of each: one string is copied much quicker than many. */
export interface ToThread {
  kind: 'run'
  run: number
  purpose: Purpose
  text: string
  lengths: Uint32Array
}

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
