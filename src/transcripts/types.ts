/** Who said it. `user`: a person. `tool`: what came back from one. */
export type Role = 'user' | 'assistant' | 'tool'

/** One thing that was said or seen in a session, short enough to be a memory. */
export interface Turn {
  role: Role
  text: string
  /** Name of the tool, when the role is `tool`. */
  tool?: string
  session: string
  /** The folder the session worked in; absent where the transcript does not say. */
  cwd?: string
  /** ms since 1970; absent where the transcript does not say. */
  at?: number
}

/** A line that cannot be read; lines count from 1. */
export interface BadLine {
  line: number
  problem: string
  /** The last line, without a line feed: it was being written. */
  unfinished: boolean
}
