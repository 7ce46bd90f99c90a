import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { redact } from '../../src/redaction/redact.ts'
import { rules } from '../../src/redaction/rules/all.ts'
import { innocent } from './corpus/innocent.ts'
import { Seeded } from './corpus/seeded.ts'

/** CPU time of this process in ms: other processes do not count. */
function cpu(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function ordinary(length: number): string {
  const random = new Seeded(7)
  const makers = Object.values(innocent)
  let text = ''
  while (text.length < length) text += `${random.pick(makers)(random)}\n`
  return text.slice(0, length)
}

describe('cost', () => {
  it('takes 1 MB of ordinary text in a few tens of ms', () => {
    const text = ordinary(1_000_000)
    redact(text.slice(0, 200_000))
    const times = Array.from({ length: 3 }, () => cpu(() => redact(text)))
    // Around 20 ms alone; the limit leaves room for a machine under load.
    expect(Math.min(...times)).toBeLessThan(200)
  })

  it('grows with the length and not with its square, whatever repeats', () => {
    const hostile = [
      ...new Set(rules.flatMap(({ needles }) => needles.slice(0, 1))),
      '<private ', '<private>', '</private>', '\\', '\\u0041', '%', '%41', '\u200b', '-----BEGIN PRIVATE ' + 'KEY-----', '-----BEGIN PRIVATE ' + 'KEY-----\nAAAA', 'eyJ.', 'password=', 'password="',
      'password=a1B2c3;', 'pwd:::::a1', 'token=\\"', '://a:', '://a:b@', 'bearer a1', '[redacted:', '[redacted:password]', 'password=[redacted:password]a', 'cookie: a=', 'mnemonic: abc def ', '$', '_', '.', '"',
    ]
    const short = 2000
    const long = 16 * short
    const slow: string[] = []
    for (const part of hostile) {
      const text = part.repeat(Math.ceil(long / part.length)).slice(0, long)
      redact(text.slice(0, short))
      const small = Math.min(cpu(() => redact(text.slice(0, short))), cpu(() => redact(text.slice(0, short))))
      const large = cpu(() => redact(text))
      // Sixteen times the length: a square would be 256 times the time.
      if (large > 60 * Math.max(small, 2)) slow.push(`${JSON.stringify(part)}: ${small} ms, then ${large} ms`)
    }
    expect(slow).toEqual([])
  })

  it('works in a worker thread', async () => {
    const module = JSON.stringify(new URL('../../src/redaction/redact.ts', import.meta.url).href)
    const code = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${module}, ${module})).then(({ redact }) => require('node:worker_threads').parentPort.postMessage(redact('password: hunter2 and sk-')))`
    const worker = new Worker(code, { eval: true })
    const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await worker.terminate()
    expect(answer).toEqual({ text: 'password: [redacted:password] and sk-', redactions: [{ kind: 'password', count: 1 }], touched: true })
  })
})
