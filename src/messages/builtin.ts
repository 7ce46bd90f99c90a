import type { MessageType } from './define.ts'
import { actorMessages } from './types/actors.ts'
import { busMessages } from './types/bus.ts'
import { memoryMessages } from './types/memory.ts'
import { nodeMessages } from './types/nodes.ts'
import { roomMessages } from './types/rooms.ts'
import { scenarioMessages } from './types/scenario.ts'
import { storeMessages } from './types/stores.ts'
import { textMessages } from './types/text.ts'

/** The message types every hive knows. */
export const builtinMessages: readonly MessageType<string, any>[] = [
  ...textMessages,
  ...roomMessages,
  ...actorMessages,
  ...nodeMessages,
  ...memoryMessages,
  ...storeMessages,
  ...scenarioMessages,
  ...busMessages,
]
