// What a node of the chaos tests is started with, told to do, and tells.

export interface NodeSetup {
  redis?: string
  dataDir: string
  id?: string
  /** A role it asks for; `gained` and `lost` tell what becomes of it. */
  role?: string
}

export type Order =
  /** Posts numbered jobs without end, `writers` at a time; each acknowledged id is told. */
  | { kind: 'flood'; writers: number; everyMs: number }
  | { kind: 'hold' }
  | { kind: 'post'; room: string; id: string }
  /** Carries jobs out: each is one post to `done` and one added to its record, in one step with the acknowledgement. */
  | { kind: 'work' }
  /** Handles what is posted to `jobs` and tells it. */
  | { kind: 'tell' }
  | { kind: 'health' }
  | { kind: 'stop' }

export type Told =
  | { kind: 'ready'; node: string; pid: number }
  | { kind: 'acknowledged'; id: string; at: number }
  | { kind: 'refused'; id: string; message: string }
  | { kind: 'working' }
  | { kind: 'held' }
  | { kind: 'handled'; id: string; at: number }
  | { kind: 'gained'; fence: number }
  | { kind: 'lost' }
  | { kind: 'link'; state: 'degraded' | 'connected' }
  | { kind: 'health'; ok: boolean; state: string; problems: readonly string[]; journal: number }
  | { kind: 'stopped'; tookMs: number }
  | { kind: 'failed'; message: string }

export const jobsRoom = { cap: 1_000_000 }
