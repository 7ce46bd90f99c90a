const markers = /\[redacted:[a-z0-9-]{1,40}\]/g

/** What stands in place of a secret: the kind and nothing that depends on the secret. */
export function marker(kind: string): string {
  return `[redacted:${kind}]`
}

/** Whether `value` holds nothing but markers, and so no secret any more. */
export function isMarked(value: string): boolean {
  return value.startsWith('[redacted:') && value.replace(markers, '').trim() === ''
}
