import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readHistory } from '../../../scenarios/codebase/history.ts'
import { listFiles } from '../../../scenarios/codebase/listing.ts'
import type { Listed, ListOptions } from '../../../scenarios/codebase/listing.ts'
import { readText } from '../../../scenarios/codebase/read-text.ts'
import { verifyQuote } from '../../../scenarios/codebase/verify.ts'

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'hivemind-files-')))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string | Buffer, content: string | Buffer = 'text\n'): void {
  const full = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)])
  mkdirSync(dirname(full.toString('latin1')), { recursive: true })
  writeFileSync(full, content)
}

function git(...args: string[]): void {
  execFileSync('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', '-c', 'commit.gpgsign=false', ...args], { cwd: root, stdio: 'pipe' })
}

async function list(options?: ListOptions, from = root): Promise<string[]> {
  const found: string[] = []
  for await (const listed of listFiles(from, options)) found.push(shown(listed))
  return found.sort()
}

const shown = (listed: Listed): string => (listed.kind === 'file' ? listed.file.path : `${listed.path} (${listed.reason})`)
const read = (path: string, limit = 1 << 20): ReturnType<typeof readText> => readText(Buffer.from(root), { path }, limit)

describe('without git', () => {
  test('an empty folder has no files', async () => {
    expect(await list()).toEqual([])
  })

  test('all files, but not those of dependencies, builds and repositories', async () => {
    for (const path of ['a.txt', 'sub/b.txt', 'sub/deep/c.md', 'node_modules/x/i.js', '.git/config', 'dist/o.js', 'sub/node_modules/y.js', '.hivemind/hive.db', '.env']) put(path)
    expect(await list()).toEqual(['.env', 'a.txt', 'sub/b.txt', 'sub/deep/c.md'])
  })

  test('links are named and not followed, also when they loop or lead outside', async () => {
    put('sub/a.txt')
    symlinkSync('..', join(root, 'sub/up'))
    symlinkSync('loop', join(root, 'loop'))
    symlinkSync('/etc/passwd', join(root, 'out'))
    expect(await list()).toEqual(['loop (link)', 'out (link)', 'sub/a.txt', 'sub/up (link)'])
  })

  test('pipes and sockets are named and not opened', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    expect(await list()).toEqual(['pipe (special)'])
    expect(await read('pipe')).toMatchObject({ ok: false, reason: 'special' })
  })

  test('names with line feeds, quotes, or bytes that are no UTF-8 are read under their own name', async () => {
    put('new\nline', 'one\n')
    put('quo"te', 'two\n')
    const bytes = Buffer.from([0x62, 0xe9, 0x21])
    put(bytes, 'three\n')
    const files = []
    for await (const listed of listFiles(root)) if (listed.kind === 'file') files.push(listed.file)
    expect(files.map((file) => file.path).sort()).toEqual(['b\\xe9!', 'new\nline', 'quo"te'])
    const texts = await Promise.all(files.map((file) => readText(Buffer.from(root), file, 1000)))
    expect(texts.map((text) => (text.ok ? text.lines[0] : text.why)).sort()).toEqual(['one', 'three', 'two'])
  })

  test('excluded folders, and a signal', async () => {
    put('keep/a.txt')
    put('data/b.txt')
    expect(await list({ exclude: [join(root, 'data')] })).toEqual(['keep/a.txt'])
    await expect(list({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  test.skipIf(process.getuid?.() === 0)('what may not be read is told', async () => {
    put('secret.txt')
    chmodSync(join(root, 'secret.txt'), 0)
    expect(await read('secret.txt')).toMatchObject({ ok: false, reason: 'unreadable', why: 'EACCES' })
  })
})

describe('with git', () => {
  test('what git ignores is left out; untracked files, nested repositories and deleted files are handled', async () => {
    git('init', '-q')
    put('.gitignore', 'ignored/\n*.log\n')
    for (const path of ['a.txt', 'ignored/x.txt', 'b.log', 'gone.txt', 'sub/c.txt', 'umlaut ä\n.txt']) put(path)
    git('add', '.')
    put('untracked.txt')
    rmSync(join(root, 'gone.txt'))
    put('nested/n.txt')
    execFileSync('git', ['init', '-q'], { cwd: join(root, 'nested') })
    expect(await list()).toEqual(['.gitignore', 'a.txt', 'nested/n.txt', 'sub/c.txt', 'umlaut ä\n.txt', 'untracked.txt'])
    expect(await list({}, join(root, 'sub'))).toEqual(['c.txt'])
  })

  test('a folder that git ignores can still be asked for', async () => {
    git('init', '-q')
    put('.gitignore', 'ignored/\n')
    put('ignored/x.txt')
    expect(await list({}, join(root, 'ignored'))).toEqual(['x.txt'])
  })

  test("a repository's own configuration runs no program", async () => {
    git('init', '-q')
    put('a.txt')
    put('.git/evil.sh', `#!/bin/sh\ntouch ${root}/pwned\n`)
    chmodSync(join(root, '.git/evil.sh'), 0o755)
    git('config', 'core.fsmonitor', join(root, '.git/evil.sh'))
    expect(await list()).toEqual(['a.txt'])
    await readHistory(root, { limit: 1 })
    expect(existsSync(join(root, 'pwned'))).toBe(false)
  })

  test('the history tells commits, authors and what changed most', async () => {
    git('init', '-q')
    put('a.txt', '1\n')
    git('add', '.')
    git('commit', '-q', '-m', 'first: begin')
    put('a.txt', '2\n')
    put('b.txt')
    git('add', '.')
    git('commit', '-q', '-m', 'second')
    expect(await readHistory(root, { limit: 10 })).toMatchObject({
      commits: 2, more: false, authors: [{ name: 'Ann', commits: 2 }], newest: [{ subject: 'second' }, { subject: 'first: begin' }], changedMost: [{ file: 'a.txt', commits: 2 }, { file: 'b.txt', commits: 1 }],
    })
    expect(await readHistory(root, { limit: 1 })).toMatchObject({ commits: 1, more: true })
  })

  test('no repository, and a repository without commits, are no errors', async () => {
    expect(await readHistory(root, { limit: 10 })).toEqual({ none: expect.stringContaining('not a git repository') })
    git('init', '-q')
    expect(await readHistory(root, { limit: 10 })).toHaveProperty('none')
  })
})

describe('reading', () => {
  test.each([
    ['utf-8', Buffer.from('grüße\r\nzwei\n'), 'utf-8', ['grüße', 'zwei']],
    ['utf-8 with a mark', Buffer.from('\ufeffa\n'), 'utf-8', ['a']],
    ['utf-16 little', Buffer.from('\ufeffgrüße\n', 'utf16le'), 'utf-16le', ['grüße']],
    ['utf-16 big', Buffer.from('\ufeffgrüße\n', 'utf16le').swap16(), 'utf-16be', ['grüße']],
    ['utf-16 without a mark', Buffer.from('plain words\n', 'utf16le'), 'utf-16le', ['plain words']],
    ['latin-1', Buffer.from('gr\xfc\xdfe\n', 'latin1'), 'latin-1', ['grüße']],
    ['no line feed at the end', Buffer.from('a\nb'), 'utf-8', ['a', 'b']],
    ['nothing', Buffer.alloc(0), 'utf-8', []],
  ])('%s', async (_, bytes, encoding, lines) => {
    put('f', bytes)
    expect(await read('f')).toMatchObject({ ok: true, encoding, lines, partial: false })
  })

  test.each([
    ['a NUL', Buffer.from('ab\0cd')],
    ['a PDF', Buffer.from('%PDF-1.7\nsome text')],
    ['random bytes', Buffer.from(Array.from({ length: 4000 }, (_, n) => (n * 7919) % 251 || 1))],
  ])('%s is binary', async (_, bytes) => {
    put('f', bytes)
    expect(await read('f')).toMatchObject({ ok: false, reason: 'binary' })
  })

  test('of a huge file the beginning is read, in whole lines', async () => {
    put('f', 'line of text\n'.repeat(10_000))
    const text = await read('f', 5000)
    expect(text).toMatchObject({ ok: true, partial: true })
    expect(text.ok && text.lines.every((line) => line === 'line of text')).toBe(true)
    expect(text.ok && text.lines.length).toBe(384)
  })

  test('one endless line is cut between signs', async () => {
    put('f', 'ä'.repeat(10_000))
    expect(await read('f', 4999)).toMatchObject({ ok: true, encoding: 'utf-8', partial: true, lines: ['ä'.repeat(2499)] })
  })

  test('a link put in place of a file, and a file that went away, are told', async () => {
    symlinkSync('/etc/passwd', join(root, 'f'))
    expect(await read('f')).toMatchObject({ ok: false, reason: 'link' })
    expect(await read('gone')).toMatchObject({ ok: false, reason: 'vanished' })
    expect(await read('gone/deeper')).toMatchObject({ ok: false, reason: 'vanished' })
  })
})

describe('checking quotes', () => {
  const quote = { path: 'f', from: 2, to: 3, column: 1, text: 'two\nthree' }
  const check = async (of: typeof quote, stamp?: string): Promise<string> => {
    const text = await read('f')
    return (await verifyQuote(Buffer.from(root), of, stamp ?? (text.ok ? text.stamp : ''), 1 << 20)).verdict
  }

  test('what stands there is true; anything else is false', async () => {
    put('f', 'one\ntwo\nthree\nfour\n')
    expect(await check(quote)).toBe('true')
    expect(await check({ ...quote, text: 'two\nthr' })).toBe('true')
    expect(await check({ ...quote, from: 1, to: 1, column: 2, text: 'ne' })).toBe('true')
    for (const wrong of [{ text: 'two\nthree!' }, { from: 1, to: 2 }, { from: 2, to: 4 }, { column: 2 }, { text: '' }, { text: 'wo\nthree' }, { from: 90, to: 91 }]) expect(await check({ ...quote, ...wrong }), JSON.stringify(wrong)).toBe('false')
  })

  test('of a file that was written since, or went away, nothing is said', async () => {
    put('f', 'changed\n')
    expect(await check(quote, 'another stamp')).toBe('stale')
    rmSync(join(root, 'f'))
    expect(await check(quote, 'another stamp')).toBe('stale')
  })
})
