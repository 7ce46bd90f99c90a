import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { told } from './sessions.ts'
import type { Told } from './sessions.ts'

/** Put into a result of a tool, and must never be found again. Made up, and in two pieces, so that no scanner trips over it here. */
export const plantedSecrets = [['ghp', 'q8Zt2LxV5nRj0KfWc4YbHs7DmPe1Aa3uGiXo'].join('_'), 'hunter2-Zw9!kQ'] as const

/** Folders that the made sessions worked in. */
export const folders: Readonly<Record<Told['project'], string>> = { harbor: '/home/dev/harbor', lantern: '/home/dev/lantern' }

const begun = Date.parse('2026-09-01T08:00:00Z')
const dayMs = 24 * 3600 * 1000

/** What the projects look like from outside: there is talk in every session that nobody will ask for. */
const chatter = [
  ['Run the tests please.', 'All tests pass.', 'npm test', 'Tests  312 passed (312)'],
  ['What is in the last commit?', 'A fix of a typing mistake in the README.', 'git show --stat HEAD', 'README.md | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)'],
  ['Format the code.', 'Done, 14 files changed, whitespace only.', 'npx prettier -w .', 'src/index.ts 41ms (unchanged)'],
] as const

/**
 * Writes transcripts as Claude Code does, one folder a project and one file a session: prompts, answers, calls of tools with their
 * results, thoughts, a side chain, a summary; one result is huge, one holds secrets, and one file ends in the middle of a line.
 */
export async function writeTranscripts(folder: string): Promise<{ files: number; unfinished: string }> {
  let unfinished = ''
  for (const [index, one] of told.entries()) {
    const cwd = folders[one.project]
    const directory = join(folder, cwd.replaceAll('/', '-'))
    await mkdir(directory, { recursive: true })
    const path = join(directory, `${one.session}.jsonl`)
    const lines = linesOf(one, index, cwd).map((line) => JSON.stringify(line))
    const last = lines.at(-1) ?? ''
    const isLast = index === told.length - 1
    if (isLast) unfinished = path
    await writeFile(path, isLast ? `${lines.join('\n')}\n${last.slice(0, last.length / 2)}` : `${lines.join('\n')}\n`)
  }
  return { files: told.length, unfinished }
}

function linesOf({ session, exchanges }: Told, index: number, cwd: string): object[] {
  let at = begun + index * dayMs
  let number = 0
  let parent: string | null = null
  const line = (type: 'user' | 'assistant', content: unknown, more: object = {}): object => {
    const uuid = `${session}-${number++}`
    const made = {
      parentUuid: parent, isSidechain: false, userType: 'external', cwd, sessionId: session, version: '2.1.214', gitBranch: 'main', type, uuid, timestamp: new Date(at += 20_000).toISOString(),
      message: type === 'user' ? { role: 'user', content } : { id: `msg_${uuid}`, type: 'message', role: 'assistant', model: 'claude', content, usage: { input_tokens: 900, output_tokens: 80 } }, ...more,
    }
    parent = uuid
    return made
  }
  const call = (command: string, output: string): object[] => {
    const id = `toolu_${session}_${number}`
    return [
      line('assistant', [{ type: 'tool_use', id, name: 'Bash', input: { command, description: 'runs it' } }]),
      line('user', [{ type: 'tool_result', tool_use_id: id, content: output, is_error: false }], { toolUseResult: { stdout: output, stderr: '', interrupted: false } }),
    ]
  }
  const [asked, answered, command, output] = chatter[index % chatter.length] ?? chatter[0]
  return [
    { type: 'file-history-snapshot', messageId: `${session}-snapshot`, snapshot: {} },
    line('user', `<system-reminder>\nThe date is today.\n</system-reminder>\n${asked}`),
    ...call(command, output),
    line('assistant', [{ type: 'thinking', thinking: 'Nothing to think about.', signature: 'x' }, { type: 'text', text: answered }]),
    ...exchanges.flatMap(({ user, assistant, bash }) => [line('user', user), ...(bash === undefined ? [] : call(bash.command, bash.output)), line('assistant', [{ type: 'text', text: assistant }])]),
    ...(index === 1 ? call('cat build.log', `${'compiling module after module\n'.repeat(40_000)}finished`) : []),
    ...(index === 3 ? call('env', `HOME=/home/dev\nGITHUB_TOKEN=${plantedSecrets[0]}\nDATABASE_URL=postgres://app:${plantedSecrets[1]}@db.internal/orders`) : []),
    ...(index === 5 ? [line('user', 'Look through all firmware files for calls of sleep().', { isSidechain: true, agentId: 'a1b2c3' }), line('assistant', [{ type: 'text', text: 'There are 14 calls of sleep() in 6 files.' }], { isSidechain: true, agentId: 'a1b2c3' })] : []),
    line('user', '<command-name>/exit</command-name>\n<command-message>exit</command-message>', { isMeta: false }),
    { type: 'summary', summary: `Session ${session}`, leafUuid: parent },
  ]
}
