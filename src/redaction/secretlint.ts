import { createRequire } from 'node:module'
import { isPlaceholder } from './placeholder.ts'
import { varied } from './rule.ts'
import type { Finding } from './types.ts'

/** What of secretlint's rule interface is used. Its engine is asynchronous and takes hundreds of µs a call; a rule alone takes one. */
interface SecretlintRule {
  meta: { id: string }
  create(context: Context, options: Record<string, never>): { file(source: Source): unknown }
}

interface Source {
  content: string
  contentType: 'text'
  ext: string
  getFilePath(): undefined
  getPhysicalFilePath(): undefined
}

interface Context {
  sharedOptions: Record<string, never>
  createTranslator(): (messageId: string) => { message: string; messageId: string }
  report(found: { range: readonly [number, number]; message: { messageId: string } }): void
  ignore(): void
}

/**
 * Left out: comments that switch rules off (a text could exempt itself), URLs with passwords (the own rule also knows placeholders and
 * takes the password alone), npm (it reports where a line begins with the length of the token), files of keys.
 */
const used = ['aws', 'privatekey', 'slack', 'sendgrid', 'shopify', 'github', 'openai', 'anthropic', 'linear', '1password']

/** Where none of these stands, none of the rules finds anything. */
export const secretlintNeedles = [
  'AKIA', 'ASIA', 'A3T', 'AGPA', 'AIDA', 'AROA', 'AIPA', 'ANPA', 'ANVA', 'secret', 'PRIVATE KEY', 'xox', 'xapp-', 'hooks.slack',
  'SG.', 'shpat_', 'shpca_', 'shppa_', 'shpss_', 'ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_', 'sk-', 'lin_api_', 'ops_ey',
]

const prefix = '@secretlint/secretlint-rule-'
let handlers: ((text: string) => Finding[])[] | undefined

/** What secretlint's recommended rules find. They are loaded at the first call. */
export function secretlintFindings(text: string): Finding[] {
  handlers ??= load()
  return handlers.flatMap((find) => find(text))
}

function load(): ((text: string) => Finding[])[] {
  const { rules } = createRequire(import.meta.url)('@secretlint/secretlint-rule-preset-recommend') as { rules: SecretlintRule[] }
  return used.map((name) => {
    const rule = rules.find(({ meta }) => meta.id === prefix + name)
    if (rule === undefined) throw new Error(`secretlint's preset has no rule "${prefix}${name}": install the version that package.json names`)
    return finderOf(rule, name)
  })
}

function finderOf(rule: SecretlintRule, name: string): (text: string) => Finding[] {
  let found: Finding[] = []
  let text = ''
  const handler = rule.create(
    {
      sharedOptions: {},
      createTranslator: () => (messageId) => ({ message: messageId, messageId }),
      report: ({ range: [start, end], message }) => {
        const secret = text.slice(start, end).replace(/^[\w."' -]*[=:]\s*/, '')
        if (message.messageId !== 'AWSAccountID' && varied(secret) && !isPlaceholder(secret)) found.push({ kind: `secretlint-${name}`, start, end })
      },
      ignore: () => {},
    },
    {},
  )
  return (content) => {
    found = []
    text = content
    handler.file({ content, contentType: 'text', ext: '.txt', getFilePath: () => undefined, getPhysicalFilePath: () => undefined })
    return found
  }
}
