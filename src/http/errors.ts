import { HivemindError } from '../kernel/errors.ts'

const statusOf: Readonly<Record<string, number>> = {
  room_unknown: 404, room_forbidden: 403, room_conflict: 409, room_full: 507, store_full: 507, journal_full: 507, message_too_large: 413,
  invalid_message: 400, invalid_argument: 400, unknown_message_type: 400, conflict_unknown: 404, version_conflict: 409, store_unavailable: 503, cancelled: 503,
  memory_full: 507, scope_forbidden: 403, embedder_busy: 429, embedder_unavailable: 503, model_unusable: 404, recall_busy: 429, recall_failed: 503, recall_behind: 503, recall_closed: 503, store_busy: 503,
}

export interface ErrorAnswer {
  status: number
  body: { error: { code: string; message: string; retryable: boolean } }
}

/** What a caller is told. Errors nobody foresaw are told by their code alone: their message may hold what is none of the caller's business. */
export function answerError(error: unknown): ErrorAnswer {
  if (error instanceof HivemindError) return answer(statusOf[error.code] ?? 500, error.code, error.message, error.retryable)
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return answer(statusCode, (code ?? 'bad_request').toLowerCase().replace(/^fst_(err_)?/, ''), message ?? 'bad request', false)
  }
  return answer(500, 'internal', 'this was not expected: the log of the node says more', false)
}

export function answer(status: number, code: string, message: string, retryable = false): ErrorAnswer {
  return { status, body: { error: { code, message, retryable } } }
}
