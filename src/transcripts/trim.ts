/** Characters kept of what a person or an agent said, and of what a tool gave back. */
const saidCharacters = 4_000
const toolCharacters = 1_500

/** What the client puts around or into the words of a person. */
const inserted = /<(system-reminder|local-command-stdout|local-command-stderr|local-command-caveat|command-name|command-message|command-args|command-contents|bash-input|bash-stdout|bash-stderr|ide_opened_file|ide_selection|task-notification)>[\s\S]*?<\/\1>/g

/** The words of a person, without what the client put there. */
export function saidText(text: string): string {
  return shortened(text.replace(inserted, '').trim(), saidCharacters)
}

/** Tools whose result is only what is in the files anyway, or that speak with this memory. */
const silentTools = /^(Read|Glob|Grep|LS|NotebookRead|TodoRead|TodoWrite|TaskCreate|TaskUpdate|TaskList|TaskGet|ToolSearch|Skill|ExitPlanMode|EnterPlanMode|AskUserQuestion|mcp__.*hivemind.*)$/i

/** What a call of a tool is worth remembering as: how it was called, and how what came back begins and ends. Empty: nothing. */
export function toolText(tool: string, input: unknown, result: string, failed: boolean): string {
  if (silentTools.test(tool) && !failed) return ''
  const call = callOf(input)
  const outcome = /^(Edit|MultiEdit|Write|NotebookEdit)$/.test(tool) && !failed ? '' : shortened(result.trim(), toolCharacters)
  if (call === '' && outcome === '') return ''
  return `${tool}${call === '' ? '' : `: ${call}`}${failed ? '\nfailed' : ''}${outcome === '' ? '' : `\n${outcome}`}`
}

/** The field of a tool's input that says most. */
function callOf(input: unknown): string {
  if (typeof input !== 'object' || input === null) return ''
  const fields = input as Record<string, unknown>
  for (const name of ['command', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'description', 'prompt', 'path']) {
    const value = fields[name]
    if (typeof value === 'string' && value.trim() !== '') return shortened(value.trim(), 300)
  }
  const json = JSON.stringify(fields)
  return json === '{}' ? '' : shortened(json, 300)
}

/** The beginning and the end of a long text; what an encoded file is made of is left out. */
export function shortened(text: string, characters: number): string {
  const plain = (text as string & { toWellFormed(): string }).toWellFormed().replace(/[A-Za-z0-9+/]{400,}={0,2}/g, (data) => `(${data.length} characters of data)`)
  if (plain.length <= characters) return plain
  const tail = Math.floor(characters / 4)
  const head = characters - tail
  return (`${plain.slice(0, head).trimEnd()}\n... (${plain.length - characters} characters left out)\n${plain.slice(-tail).trimStart()}` as string & { toWellFormed(): string }).toWellFormed()
}
