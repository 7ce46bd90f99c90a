/** What the builder is given, as JSON in its last argument. */
export interface BuildRequest {
  dataDir: string
  database: string
  /** How long to wait for another process that builds, ms. */
  waitMs: number
}

/** Its exit codes. */
export const outcomes = { built: 0, failed: 1, busy: 3 } as const
