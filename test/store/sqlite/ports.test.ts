import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../src/kernel/clock.ts'
import { blobsContract } from '../../contract/blobs.ts'
import { leasesContract } from '../../contract/leases.ts'
import { recordsContract } from '../../contract/records.ts'
import { temporaryFolder } from './store.ts'

recordsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { records } = await folder.open()
  return { records, close: () => folder.remove() }
})

leasesContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { leases, database } = await folder.open()
  const lose = async () => {
    await database.run('DELETE FROM leases')
    return leases
  }
  return { leases, clock: systemClock, lose, close: () => folder.remove() }
})

blobsContract('sqlite', async () => {
  const folder = temporaryFolder()
  const { blobs } = await folder.open()
  const damage = async (hash: string) => writeFileSync(join(folder.dataDir, 'blobs', hash.slice(0, 2), hash), 'damaged')
  return { blobs, damage, close: () => folder.remove() }
})
