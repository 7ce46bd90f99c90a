// Another process on the data folder: makes one call until it is told to finish, then one that it never finishes.
import { createHive } from '../../src/hive.ts'

const hive = await createHive({ dataDir: process.argv[2], log: { level: 'silent' } })
const told = new Promise<void>((resolve) => process.once('message', () => resolve()))
const shared = hive.toolCache.wrap('shared', async (input: string) => {
  process.send?.(input === 'x' ? 'at it' : 'at it again')
  await (input === 'x' ? told : new Promise(() => undefined))
  return `${input} there`
})
await shared('x')
await shared('z')
