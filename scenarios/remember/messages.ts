/** How the other node is told what to do, as the arguments of its process. */
export interface OtherTask {
  redis: string
  dataDir: string
}

export type OtherOrder =
  | { type: 'set'; session: string; field: string; value: unknown }
  | { type: 'get'; session: string; field: string }
  | { type: 'recall'; query: string; project: string }
  | { type: 'conflicts' }
  | { type: 'resolve'; conflict: string; keep: 'ours' | 'theirs' | 'both' }
  | { type: 'stop' }

export type OtherReport = { type: 'ready' } | { type: 'lost' } | { type: 'drained' } | { type: 'done'; value?: unknown } | { type: 'failed'; message: string }
