import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { run, start, temporaryFolder } from './binary.ts'

describe('rooms', () => {
  test('post opens a room, ls lists it, tail shows it', async () => {
    const cwd = temporaryFolder()
    expect((await run(['rooms', 'ls'], { cwd })).stdout).toMatch(/no rooms yet/)
    expect((await run(['rooms', 'post', 'hall', 'hello', 'there', '--as', 'ann'], { cwd })).stdout).toMatch(/^posted \d+-1\n$/)
    expect((await run(['rooms', 'post', 'hall', '-', '--as', 'ben'], { cwd, input: 'from a pipe\n' })).code).toBe(0)
    expect(JSON.parse((await run(['rooms', 'ls', '--json'], { cwd })).stdout)).toEqual([expect.objectContaining({ room: 'hall', visibility: 'public', messages: 2, dead: 0 })])
    const { stdout } = await run(['rooms', 'tail', 'hall'], { cwd })
    expect(stdout).toMatch(/^\S+ ann hello there\n\S+ ben from a pipe\n$/)
    expect((await run(['rooms', 'tail', 'hall', '-n', '1'], { cwd })).stdout).toMatch(/^\S+ ben from a pipe\n$/)
    const line = JSON.parse((await run(['rooms', 'tail', 'hall', '-n', '1', '--json'], { cwd })).stdout)
    expect(line).toMatchObject({ source: 'ben', type: 'text', data: { text: 'from a pipe' } })
  })

  test('the same id is stored once', async () => {
    const cwd = temporaryFolder()
    const first = JSON.parse((await run(['rooms', 'post', 'hall', 'x', '--id', 'm1', '--json'], { cwd })).stdout)
    const second = JSON.parse((await run(['rooms', 'post', 'hall', 'x', '--id', 'm1', '--json'], { cwd })).stdout)
    expect([first.duplicate, second.duplicate, second.entry]).toEqual([false, true, first.entry])
  })

  test('looking at a room that is not there is an error and does not make it', async () => {
    const cwd = temporaryFolder()
    for (const args of [['tail', 'nowhere'], ['dead', 'nowhere'], ['replay', 'nowhere']]) {
      const { code, stderr } = await run(['rooms', ...args], { cwd })
      expect(stderr).toMatch(/there is no room "nowhere"/)
      expect(code).toBe(1)
    }
    expect(JSON.parse((await run(['rooms', 'ls', '--json'], { cwd })).stdout)).toEqual([])
  })

  test('an empty list of dead letters', async () => {
    const cwd = temporaryFolder()
    await run(['rooms', 'post', 'hall', 'x'], { cwd })
    expect((await run(['rooms', 'dead', 'hall'], { cwd })).stdout).toBe('none\n')
    expect((await run(['rooms', 'replay', 'hall', '--json'], { cwd })).stdout).toBe('{"replayed":0}\n')
  })

  test('signs that steer a terminal are not passed on', async () => {
    const cwd = temporaryFolder()
    await run(['rooms', 'post', 'hall', '--data', JSON.stringify({ text: 'red\u001b[31m bell\u0007' })], { cwd })
    expect((await run(['rooms', 'tail', 'hall'], { cwd })).stdout).toContain('red\ufffd[31m bell\ufffd')
  })

  test('tail --follow shows what other processes post, within 100 ms, until Ctrl-C', async () => {
    const cwd = temporaryFolder()
    await run(['rooms', 'post', 'hall', 'before'], { cwd })
    const tail = start(['rooms', 'tail', 'hall', '--follow', '--json'], { cwd })
    await tail.until(/"before"/)
    const delays: number[] = []
    for (let n = 1; n <= 5; n++) {
      const arrived = tail.until(new RegExp(`"message ${n}"`)).then((text) => Date.now() - JSON.parse(text.trim().split('\n').at(-1) ?? '').time)
      expect((await run(['rooms', 'post', 'hall', `message ${n}`], { cwd })).code).toBe(0)
      delays.push(await arrived)
    }
    expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(100)
    tail.child.kill('SIGINT')
    expect(await tail.finished).toMatchObject({ code: 0, stderr: '' })
  })

  test('tail ends when whoever reads it has gone', async () => {
    const cwd = temporaryFolder()
    await run(['rooms', 'post', 'hall', 'before'], { cwd })
    const tail = start(['rooms', 'tail', 'hall', '--follow'], { cwd })
    await tail.until(/before/)
    const exit = once(tail.child, 'exit')
    tail.child.stdout?.destroy()
    await run(['rooms', 'post', 'hall', 'one'], { cwd })
    await run(['rooms', 'post', 'hall', 'two'], { cwd })
    expect((await exit)[0]).toBe(0)
  })
})

test('status counts rooms', async () => {
  const cwd = temporaryFolder()
  await run(['rooms', 'post', 'hall', 'x'], { cwd })
  const { code, stdout } = await run(['status', '--json'], { cwd })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ rooms: 1, conflicts: 0, store: { kind: 'sqlite' } })
})
