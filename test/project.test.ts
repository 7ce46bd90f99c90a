import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { projectOf } from '../src/project.ts'

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'hivemind-project-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function repository(config: string): string {
  mkdirSync(join(root, 'app/.git'), { recursive: true })
  mkdirSync(join(root, 'app/src/deep'), { recursive: true })
  writeFileSync(join(root, 'app/.git/config'), config)
  return join(root, 'app/src/deep')
}

describe('the project of a folder', () => {
  test.each([
    ['git@github.com:me/app.git', 'github.com/me/app'],
    ['https://user:token@GitHub.com/me/app', 'github.com/me/app'],
    ['ssh://git@example.org:2222/group/sub/app.git/', 'example.org/group/sub/app'],
    ['git://localhost/app.git', 'localhost/app'],
  ])('is the address of its repository: %s', (url, project) => {
    expect(projectOf(repository(`[core]\n\tbare = false\n[remote "other"]\n\turl = https://no.example/x\n[remote "origin"]\n\tfetch = +refs\n\turl = ${url}\n[branch "main"]\n\tremote = origin\n`))).toBe(project)
  })

  test.each([['[core]\n\tbare = false\n'], ['[remote "origin"]\n\turl = /srv/git/app.git\n'], ['[remote "origin"]\n\turl = file:///srv/git/app.git\n'], ['']])('without an address of another machine, the repository itself (%#)', (config) => {
    expect(projectOf(repository(config))).toBe(join(root, 'app'))
  })

  test('is the same in a worktree', () => {
    repository('[remote "origin"]\n\turl = git@github.com:me/app.git\n')
    mkdirSync(join(root, 'app/.git/worktrees/fix'), { recursive: true })
    writeFileSync(join(root, 'app/.git/worktrees/fix/commondir'), '../..\n')
    mkdirSync(join(root, 'fix'))
    writeFileSync(join(root, 'fix/.git'), `gitdir: ${join(root, 'app/.git/worktrees/fix')}\n`)
    expect(projectOf(join(root, 'fix'))).toBe('github.com/me/app')
  })

  test('is the folder where there is no repository, by its real path, even when it is not there any more', () => {
    mkdirSync(join(root, 'plain'))
    symlinkSync(join(root, 'plain'), join(root, 'link'))
    expect(projectOf(join(root, 'link'))).toBe(join(root, 'plain'))
    expect(projectOf(join(root, 'gone/away'))).toBe(join(root, 'gone/away'))
  })
})
