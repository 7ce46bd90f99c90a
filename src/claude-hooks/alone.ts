import { createHive } from '../hive.ts'
import { parseEvent } from './event.ts'
import { handleHook } from './handle.ts'
import type { HookOutput } from './handle.ts'

/** Handles an event without a node: opens the data folder, answers, keeps, and closes it again. */
export async function handleAlone(value: unknown, dataDir: string, onOutput: (output: HookOutput | undefined) => void): Promise<void> {
  const event = parseEvent(value)
  const hive = await createHive({ dataDir, log: { level: 'silent' } })
  try {
    const { output, kept } = await handleHook(hive, event)
    onOutput(output)
    await kept
  } finally {
    await hive.stop({ drainMs: 500 })
  }
}
