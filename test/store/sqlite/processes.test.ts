import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogConfig } from '../../../src/store/ports.ts'
import type { SqliteNotice } from '../../../src/store/sqlite/open.ts'
import type { Order, Told } from './other-process.ts'
import { temporaryFolder } from './store.ts'

const config: LogConfig = { cap: 1_000_000, quotaBytes: 1 << 30, dedupeMs: 3_600_000, meta: null }

describe('several processes on one data folder', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let children: ChildProcess[]

  beforeEach(() => {
    folder = temporaryFolder()
    children = []
  })
  afterEach(async () => {
    await Promise.all(children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }))
    await folder.remove()
  })

  async function otherProcess() {
    const child = fork(new URL('./other-process.ts', import.meta.url).pathname, [folder.dataDir], { execArgv: ['--import', 'tsx'] })
    children.push(child)
    const told: Told[] = []
    let wake = (): void => {}
    child.on('message', (message: Told) => {
      told.push(message)
      wake()
    })
    /** The first message of this kind that was not returned before. */
    async function next<Kind extends Told['kind']>(kind: Kind): Promise<Told & { kind: Kind }> {
      for (;;) {
        const failed = told.find((message) => message.kind === 'failed')
        if (failed !== undefined) throw new Error(failed.message)
        const index = told.findIndex((message) => message.kind === kind)
        if (index >= 0) return told.splice(index, 1)[0] as Told & { kind: Kind }
        await new Promise<void>((resolve) => { wake = resolve })
      }
    }
    await next('ready')
    return { child, told, next, order: (order: Order) => void child.send(order) }
  }

  test('an append in one rings in the other within 100 ms', async () => {
    const notices: SqliteNotice[] = []
    const store = await folder.open({ onNotice: (notice) => notices.push(notice) })
    await store.log.open('hall', config)
    const other = await otherProcess()
    const rungAt: number[] = []
    let wake = (): void => {}
    const listening = await store.log.listen((rooms) => {
      if (!rooms.has('hall')) return
      rungAt.push(Date.now())
      wake()
    })
    const delays: number[] = []
    for (let round = 0; round < 9; round++) {
      const rung = new Promise<void>((resolve) => { wake = resolve })
      other.order({ kind: 'append', room: 'hall', messageId: `m${round}` })
      const { at } = await other.next('acknowledged')
      await rung
      delays.push(rungAt.at(-1)! - at)
    }
    await listening.stop()
    expect(delays.toSorted((a, b) => a - b)[4], `delays in ms: ${delays.join(' ')}`).toBeLessThan(100)
    expect(notices).toEqual([])
  })

  test('three write and work at once without a lock error, and each entry is handled once', async () => {
    const store = await folder.open()
    await store.log.open('jobs', config)
    await store.log.openGroup('jobs', 'g', '0-0')
    const count = 600
    const others = await Promise.all([otherProcess(), otherProcess()])
    for (const [index, other] of others.entries()) other.order({ kind: 'work', room: 'jobs', group: 'g', count, owner: `w${index}` })
    const ids = Array.from({ length: count }, (_, index) => `job-${index}`)
    for (let from = 0; from < count; from += 20) {
      const results = await store.log.append(ids.slice(from, from + 20).map((messageId) => ({ room: 'jobs', messageId, body: '"x"' })))
      expect(results.every((result) => result.ok)).toBe(true)
    }
    const handled = (await Promise.all(others.map((other) => other.next('worked')))).flatMap((told) => told.handled)
    const owner = { name: 'here', fence: 1 }
    for (let taken = await store.log.take('jobs', 'g', owner, 100); taken.length > 0; taken = await store.log.take('jobs', 'g', owner, 100)) {
      handled.push(...taken.map(({ messageId }) => messageId))
    }
    expect(handled.toSorted()).toEqual(ids.toSorted())
  })

  test('kill -9 in the middle of writing loses nothing that was acknowledged and damages nothing', async () => {
    const store = await folder.open()
    await store.log.open('hall', config)
    await store.close()
    const other = await otherProcess()
    other.order({ kind: 'flood', room: 'hall', prefix: 'm' })
    const acknowledged: string[] = []
    while (acknowledged.length < 1_500) acknowledged.push(...(await other.next('acknowledged')).ids)
    other.child.kill('SIGKILL')
    await once(other.child, 'exit')
    for (const told of other.told) if (told.kind === 'acknowledged') acknowledged.push(...told.ids)

    const notices: SqliteNotice[] = []
    const again = await folder.open({ onNotice: (notice) => notices.push(notice) })
    const stored = new Set((await again.log.range('hall', { limit: 1_000_000 })).map((entry) => entry.messageId))
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
    expect(await again.database.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(await again.log.info('hall')).toMatchObject({ entries: stored.size })
    expect(notices).toEqual([])
  })
})
