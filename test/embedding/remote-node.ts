// Child process of remote.test.ts: a node with the role "embedding" and a model of its own.
import { createHive } from '../../src/hive.ts'

const [, , redis, prefix, dataDir, id, model] = process.argv as [string, string, string, string, string, string, string]
const hive = await createHive({ redis, prefix, dataDir, node: { id, roles: ['embedding'] }, embedder: { model, workers: 1 }, log: { level: 'error' } })
await hive.embed(['warm'])
process.send!('ready')
process.on('message', () => void hive.stop().then(() => process.disconnect()))
