import { describe, expect, test } from 'vitest'
import type { Conflicts, Hive, KeptConflict } from '../../src/index.ts'
import { ConflictUnknown } from '../../src/kernel/errors.ts'
import { createMcpHttp } from '../../src/mcp/http.ts'
import { catalogue, sessionField } from '../../src/store/keys.ts'
import { afterwards, overHttp } from './clients.ts'
import { httpDoor } from './http-door.ts'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const record = (value: unknown): { version: number; value: unknown } => ({ version: 4, value })
const memory = (text: string, project: string): object => ({ text, project, kind: 'semantic', state: 'live', at: 0, trust: 0.7 })

const kept: KeptConflict[] = [
  { id: 'c1', subject: catalogue.memory.build('aaaa'), at: 0, conflict: { kind: 'document', node: 'n', base: 1, ours: { value: memory('ours of p', 'p') }, theirs: record(memory('theirs of p', 'p')) } },
  { id: 'c2', subject: catalogue.memory.build('bbbb'), at: 0, conflict: { kind: 'document', node: 'n', base: 1, ours: { value: memory('secret of q', 'q') }, theirs: record(memory('secret of q', 'q')) } },
  { id: 'c3', subject: sessionField('s', 'currentTask'), at: 0, conflict: { kind: 'document', node: 'n', base: 1, ours: { value: { value: 'left', at: 1 } } } },
  { id: 'c4', subject: 'agent:{x}:metadata', at: 0, conflict: { kind: 'record', node: 'n', base: 1, ours: { value: 'of no client' } } },
]

describe('conflicts of an outage', () => {
  test('are listed with both sides, within the project, and settled one by one', async () => {
    const { hive } = await httpDoor()
    const resolved: string[] = []
    let open = kept
    const conflicts: Conflicts = {
      list: async () => open,
      async resolve(id, choice) {
        if (!open.some((conflict) => conflict.id === id)) throw new ConflictUnknown(id)
        resolved.push(`${id} ${choice}`)
        open = open.filter((conflict) => conflict.id !== id)
      },
    }
    const door = createMcpHttp(new Proxy(hive, { get: (target, name) => (name === 'conflicts' ? conflicts : Reflect.get(target, name)) }) as Hive)
    const server = createServer((request, response) => void door.handle(request, response))
    await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening) })
    afterwards(async () => {
      await door.close()
      await new Promise((closed) => { server.close(closed) })
    })
    const client = await overHttp('2025', `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp?project=p`)

    const { text, structured } = await client.call('memory_conflicts')
    expect(structured.conflicts.map(({ id }: { id: string }) => id)).toEqual(['c1', 'c3'])
    expect(structured.conflicts[0]).toMatchObject({ ours: expect.stringContaining('ours of p'), theirs: expect.stringContaining('theirs of p') })
    expect(structured.conflicts[1].theirs).toBe('theirs: (deleted)')
    expect(text).toMatch(/^> ours: .*ours of p/m)
    expect(text).not.toMatch(/secret of q|of no client/)
    for (const id of ['c2', 'c4']) expect(await client.call('memory_conflicts', { id, keep: 'theirs' })).toMatchObject({ isError: true })
    expect((await client.call('memory_conflicts', { id: 'c1', keep: 'both' })).structured).toMatchObject({ resolved: 'c1', conflicts: [{ id: 'c3' }] })
    expect(resolved).toEqual(['c1 both'])
  })
})
