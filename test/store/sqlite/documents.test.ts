import { documentsContract } from '../../contract/documents.ts'
import { temporaryFolder } from './store.ts'

documentsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { documents } = await folder.open()
  return { documents, close: () => folder.remove() }
})
