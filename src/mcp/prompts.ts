import type { GetPromptResult, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { callerOf } from './caller.ts'
import type { Door } from './caller.ts'
import { asData, told } from './describe.ts'
import { defaultTokens, fit } from './quote.ts'
import { recordsText } from './resources.ts'

/** What is trusted less is given to who asks for it, and put before nobody by a prompt. */
const promptTrust = 0.5

export function addPrompts(server: McpServer, door: Door): void {
  server.registerPrompt('recall-project', {
    title: 'What is known about this project',
    description: 'Puts what is remembered about the project, or one topic of it, before the model',
    argsSchema: z.object({ topic: z.string().max(1_000).optional().describe('Only what concerns this') }),
  }, async ({ topic }, ctx): Promise<GetPromptResult> => {
    const { memory, project } = await callerOf(door, server, ctx)
    const asked = topic?.trim() ?? ''
    const about = `What is remembered${project === undefined ? '' : ` about the project ${JSON.stringify(project)}`}${asked === '' ? '' : ` on ${JSON.stringify(asked)}`}:`
    const text = asked === ''
      ? recordsText([...await memory.recent({ kinds: ['semantic'], limit: 20, minTrust: promptTrust }), ...await memory.recent({ kinds: ['episodic'], limit: 10, minTrust: promptTrust })])
      : await foundText(async () => (await memory.recall({ query: asked, limit: 20, minTrust: promptTrust })).hits)
    return { messages: [{ role: 'user', content: { type: 'text', text: `${about}\n\n${text}` } }] }
  })
}

async function foundText(recall: () => Promise<Parameters<typeof told>[0]['item'][]>): Promise<string> {
  const { shown } = fit(await recall(), defaultTokens)
  return shown.length === 0 ? 'Nothing was found.' : [asData, ...shown.map((hit, index) => told(hit, index + 1))].join('\n\n')
}
