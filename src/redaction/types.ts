/** How many secrets of one kind were taken out. */
export interface Redaction {
  /** As in the marker: `aws-access-key`, `password`, `private`. */
  kind: string
  count: number
}

/** Text without its secrets. */
export interface Redacted {
  text: string
  /** By kind, sorted by name; empty when nothing was found. */
  redactions: Redaction[]
  touched: boolean
}

/** A JSON value without its secrets; the input itself when nothing was found. */
export interface RedactedValue<T = unknown> {
  value: T
  redactions: Redaction[]
  touched: boolean
}

/** A secret at [start, end) of the text, in UTF-16 units. */
export interface Finding {
  kind: string
  start: number
  end: number
}

/** Finds one shape of secret. `find` is called only where one of `needles` stands, so ordinary text costs one pass in all. */
export interface Rule {
  kind: string
  /** Literals of at least three ASCII characters. One without capitals is found in any case, one with capitals only as it is written. */
  needles: readonly string[]
  /** `at` is where the needle begins. Looks at a bounded stretch of the text around it. */
  find(text: string, at: number): Finding | undefined
}
