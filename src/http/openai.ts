import { InvalidArgument } from '../kernel/errors.ts'
import { answerError } from './errors.ts'

export interface OpenAiError {
  status: number
  body: { error: { message: string; type: string; param: string | null; code: string } }
}

/** An error in the shape that clients of OpenAI's API read. */
export function answerOpenAi(error: unknown): OpenAiError {
  const { status, body: { error: { code, message } } } = answerError(error)
  return { status, body: { error: { message, type: typeOf(status), param: error instanceof InvalidArgument ? error.field : null, code: code === 'model_unusable' ? 'model_not_found' : code } } }
}

export function typeOf(status: number): string {
  return status === 401 || status === 403 ? 'authentication_error' : status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error'
}
