import { expect, it } from 'vitest'
import { catalogue, quotaBytes } from '../../../src/store/keys.ts'
import { documentsContract, memory } from '../../contract/documents.ts'
import { temporaryFolder } from './store.ts'

documentsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { documents } = await folder.open()
  return { documents, close: () => folder.remove() }
})

it('refuses new memories over the budget, and takes changes of those that are there', async () => {
  const folder = temporaryFolder()
  const { documents, database } = await folder.open()
  const [old, fresh] = ['old', 'new'].map(catalogue.memory.build) as [string, string]
  await documents.write([{ key: old, value: memory('old') }])
  await database.run('UPDATE document_totals SET bytes = bytes + ?', [quotaBytes.memory])
  const [refused, changed] = await documents.write([{ key: fresh, value: memory('new') }, { key: old, value: memory('old', { state: 'forgotten' }) }])
  expect(refused).toMatchObject({ ok: false, reason: 'quota', quotaBytes: quotaBytes.memory })
  expect(changed).toMatchObject({ ok: true })
  await documents.erase([old])
  await database.run('UPDATE document_totals SET bytes = bytes - ?', [quotaBytes.memory])
  expect(await database.all('SELECT bytes FROM document_totals')).toEqual([{ bytes: 0 }])
  await folder.remove()
})
