// Child process of documents-processes.test.ts: a node on a shared data folder that writes memories as it is told, and says what was acknowledged.
import { createHive } from '../../src/hive.ts'
import { catalogue, sessionField } from '../../src/store/keys.ts'
import { memory } from '../contract/documents.ts'

export interface Order {
  kind: 'write'
  prefix: string
  rounds: number
}

export type Told =
  | { kind: 'ready'; applies: boolean }
  | { kind: 'written'; acknowledged: number; problems: string[] }
  | { kind: 'applies' }
  | { kind: 'failed'; message: string }

const [dataDir, redis] = process.argv.slice(2) as [string, string?]
const hive = await createHive({ dataDir, ...(redis !== undefined && { redis }), log: { level: 'silent' } })
const tell = (told: Told): void => void process.send!(told)

/** Whether this process fills the folder. */
async function applies(): Promise<boolean> {
  const report = await hive.system.lookup('hive/replica')?.ask({ type: 'report' }) as { applies: boolean } | undefined
  return report?.applies ?? false
}

async function write({ prefix, rounds }: Order): Promise<Told> {
  const problems: string[] = []
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const keys = [0, 1, 2].map((step) => catalogue.memory.build(`${prefix}-${round}-${step}`))
    try {
      const results = await hive.store.documents.write([
        ...keys.map((key) => ({ key, value: memory(key), expect: 0 })), { key: sessionField('shared', prefix), value: round },
      ])
      for (const result of results) if (result.ok) acknowledged++
    } catch (error) {
      problems.push(String(error))
    }
  }
  return { kind: 'written', acknowledged, problems }
}

process.on('message', (order: Order) => {
  write(order).then(tell, (error: unknown) => tell({ kind: 'failed', message: String(error) }))
})
process.on('disconnect', () => void hive.stop())

let applied = await applies()
tell({ kind: 'ready', applies: applied })
// Tells when this process begins to fill the folder.
const again = (): void => void hive.clock.timer(50, () => {
  applies().then((now) => {
    if (now && !applied) tell({ kind: 'applies' })
    applied = now
    again()
  }, () => undefined)
}, { background: true })
again()
