import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { machines } from '../../machines/index.ts'
import { toMermaid } from '../../src/check/index.ts'
import { builtinMessages } from '../../src/messages/builtin.ts'
import { describeMessages } from '../../src/messages/describe.ts'
import { catalogue } from '../../src/store/keys.ts'

// The tables and diagrams of ARCHITECTURE.md are made from the code. `UPDATE_DOCS=1 npx vitest run test/docs` writes them.

const path = new URL('../../ARCHITECTURE.md', import.meta.url)

const tables: Record<string, () => string> = {
  keys: () => table(['key', 'type', 'role', 'time to live', 'bytes', 'owner', 'holds'],
    Object.values(catalogue).map(({ pattern, type, role, ttl, quota, owner, holds }) => [`\`${pattern}\``, type, role, ttl, quota, owner, holds])),
  messages: () => table(['type', 'travels', 'fields', 'when'],
    describeMessages(builtinMessages).map(({ type, delivery, fields, about }) => [`\`${type}\``, delivery, fields.map(({ name, optional }) => `${name}${optional ? '?' : ''}`).join(', '), about])),
  diagrams: () => Object.entries(machines).map(([name, { machine }]) =>
    `<details>\n<summary>${name}</summary>\n\n\`\`\`mermaid\n${toMermaid(machine)}\`\`\`\n\n</details>`).join('\n\n'),
}

for (const [name, make] of Object.entries(tables)) {
  it(`what ARCHITECTURE.md says of ${name} is what the code says`, async () => {
    const text = await readFile(path, 'utf8')
    const section = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
    expect(text).toMatch(section)
    const wanted = text.replace(section, (_, begin: string, end: string) => `${begin}${make()}\n${end}`)
    if (process.env.UPDATE_DOCS !== undefined) await writeFile(path, wanted)
    else expect(text).toBe(wanted)
  })
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')
}
