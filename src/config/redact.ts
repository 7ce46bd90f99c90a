/** Hides the password of every URL in `text`. */
export function redactUrls(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/@,]*):[^\s,]*@/gi, '$1:***@')
}

const secrets = new Set(['http.apiKey'])

/** A value of the configuration as it may be shown to a person. */
export function redactField(path: string, value: unknown): unknown {
  if (value === undefined) return undefined
  if (secrets.has(path)) return '***'
  return typeof value === 'string' ? redactUrls(value) : value
}
