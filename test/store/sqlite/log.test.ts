import { logContract } from '../../contract/log.ts'
import { temporaryFolder } from './store.ts'

logContract('sqlite', async () => {
  const folder = temporaryFolder()
  const store = await folder.open()
  return { log: store.log, peer: async () => (await folder.open()).log, close: () => folder.remove() }
})
