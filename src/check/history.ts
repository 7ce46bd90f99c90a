import type { AnyMachineSnapshot } from 'xstate'

/** Which nodes the history states remember, by id; undefined when there are none so far. */
export function historyOf({ historyValue }: AnyMachineSnapshot): Record<string, string[]> | undefined {
  let history: Record<string, string[]> | undefined
  for (const id in historyValue) (history ??= {})[id] = historyValue[id]!.map((node) => node.id)
  return history
}
