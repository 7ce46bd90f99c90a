import { createModelLog } from './log-model.ts'
import { logContract } from './log.ts'

logContract('model', async () => ({ log: createModelLog(() => Date.now()), close: async () => undefined }))
