import type { Clock } from '../../kernel/clock.ts'

export interface Recent {
  /** Keeps how to repeat a call that was just acknowledged. Repeating must be harmless. */
  keep(bytes: number, repeat: () => Promise<void>): void
  /** The server answered: what it acknowledged longer than `keepMs` before now is on its disk. */
  alive(): void
  /** Repeats everything kept, in order; returns how many calls, and how many of those the server refused. */
  repeatAll(): Promise<{ repeated: number; refused: number }>
  readonly size: number
}

/**
 * The last seconds of acknowledged writes. An append-only file that is synced every second may lose up to two seconds of
 * them when the server dies, so they are sent again to a server that was restarted; message ids make that harmless.
 * Time counts back from the last answer, not from now: a server that died a while ago unnoticed acknowledged nothing since.
 */
export function createRecent(clock: Clock, keepMs: number, maxBytes: number): Recent {
  let kept: { at: number; bytes: number; repeat: () => Promise<void> }[] = []
  let head = 0
  let bytes = 0
  let answered = clock.monotonic()

  function drop(): void {
    while (head < kept.length && (kept[head]!.at < answered - keepMs || bytes > maxBytes)) bytes -= kept[head++]!.bytes
    if (head > 1_024 && head * 2 > kept.length) {
      kept = kept.slice(head)
      head = 0
    }
    if (head === kept.length) {
      kept = []
      head = 0
    }
  }

  return {
    keep(size, repeat) {
      answered = clock.monotonic()
      kept.push({ at: answered, bytes: size, repeat })
      bytes += size
      drop()
    },
    alive() {
      answered = clock.monotonic()
      drop()
    },
    async repeatAll() {
      const calls = kept.slice(head)
      let refused = 0
      for (const call of calls) {
        try {
          await call.repeat()
          // Acknowledged anew: this server may lose its last second as well.
          call.at = answered = clock.monotonic()
        } catch (error) {
          // Gone again: the rest stays kept for the next reconnect. A refusal by the server concerns this call alone.
          if ((error as { retryable?: boolean }).retryable) throw error
          refused++
        }
      }
      return { repeated: calls.length, refused }
    },
    get size() {
      return kept.length - head
    },
  }
}
