import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { redact } from '../../src/redaction/redact.ts'
import { places } from './corpus/contexts.ts'
import { innocent } from './corpus/innocent.ts'
import { Seeded } from './corpus/seeded.ts'

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return files(path, ending)
    return entry.isFile() && ending.test(entry.name) ? [path] : []
  })
}

describe('precision', () => {
  it.each([201, 202])('takes nothing out of at least 99 in 100 of what only looks like a secret (seed %i)', (seed) => {
    const random = new Seeded(seed)
    const wrong: string[] = []
    let total = 0
    for (const [name, make] of Object.entries(innocent)) {
      const before = wrong.length
      for (const put of Object.values(places)) {
        const text = put(make(random), random)
        total += 1
        if (redact(text).text !== text) wrong.push(`${name}: ${text} -> ${redact(text).text}`)
      }
      expect(wrong.length - before, wrong.slice(before).join('\n')).toBeLessThanOrEqual(2)
    }
    expect(total).toBeGreaterThan(1000)
    expect(wrong.length / total, wrong.slice(0, 5).join('\n')).toBeLessThanOrEqual(0.01)
  })

  it.each(['changeme', '${SECRET}', '$SECRET', '%SECRET%', '{{ secret }}', '<secret>', 'your-password', 'REPLACE_ME', '********', 'xxxxxxxx', 'process.env.SECRET', 'null'])('leaves the placeholder %s', (value) => {
    for (const text of [`DB_PASSWORD=${value}`, `password: "${value}"`, `postgres://app:${value}@db/x`]) expect(redact(text).text).toBe(text)
  })

  it('leaves the sources of this repository as they are', () => {
    const sources = [...['src', 'actors', 'machines', 'scenarios'].flatMap((folder) => files(folder, /\.(ts|lua)$/)), 'package-lock.json', 'ARCHITECTURE.md', 'package.json']
    for (const path of sources) {
      const text = readFileSync(path, 'utf8')
      const { redactions } = redact(text)
      expect(redactions, path).toEqual([])
    }
  })

  it('leaves at least 95 in 100 of the documentation of the packages in use as it is', () => {
    const readmes = ['fastify', 'pino', 'zod', 'bullmq', 'ioredis', 'commander', 'rxjs', 'vitest', '@modelcontextprotocol'].flatMap((name) => files(`node_modules/${name}`, /\.md$/))
    expect(readmes.length).toBeGreaterThan(50)
    const touched = readmes.filter((path) => redact(readFileSync(path, 'utf8')).touched)
    expect(touched.length / readmes.length, touched.join('\n')).toBeLessThanOrEqual(0.05)
  })
})
