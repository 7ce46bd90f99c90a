import type { HiveOptions } from '../hive.ts'
import type { Logger } from '../kernel/logger.ts'
import { hiveConfig } from './command.ts'
import type { HiveFlags } from './command.ts'
import { plain } from './io.ts'
import type { Io } from './io.ts'

/** Warnings and errors as plain lines on stderr: what a command prints for a person. */
export function plainLogger(io: Io): Logger {
  const line = (_fields: object, message: string): void => io.err(`hivemind: ${plain(message)}`)
  return { debug: () => {}, info: () => {}, warn: line, error: line }
}

/** Of the log only what a person should know about the stores. */
function noticesLogger(io: Io): Logger {
  const { warn } = plainLogger(io)
  return { debug: () => {}, info: () => {}, warn: (fields, message) => void ('notice' in fields && warn(fields, message)), error: () => {} }
}

/** The options of a command's hive. Whoever sets the log level gets the log; else there are plain lines, of everything or of the stores alone. */
export async function hiveOptions(io: Io, flags: HiveFlags, unless: 'plain' | 'notices' = 'plain'): Promise<HiveOptions> {
  const { resolveConfig } = await import('../config.ts')
  const { origins } = await resolveConfig(hiveConfig(flags))
  const isDefault = origins.get('log.level')?.kind === 'default'
  return { ...hiveConfig(flags), ...(isDefault && { logger: unless === 'plain' ? plainLogger(io) : noticesLogger(io) }) }
}
