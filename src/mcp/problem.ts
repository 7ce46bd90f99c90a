import { messageOf } from '../kernel/errors.ts'
import { redact } from '../redaction/redact.ts'

/** A failure as it may be logged: its message can quote what a client sent. */
export function problemText(error: unknown): string {
  return redact(messageOf(error)).text.slice(0, 500)
}
