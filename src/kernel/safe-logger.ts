import { messageOf } from './errors.ts'
import type { Logger } from './logger.ts'

/** A logger that cannot hurt its caller: what it throws becomes a warning of the process. */
export function safeLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        logger[level](fields, message)
      } catch (error) {
        process.emitWarning(`the logger failed (${messageOf(error)}) on: ${message}`)
      }
    }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}
