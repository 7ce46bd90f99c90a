import type { Writable } from 'node:stream'

/** The terminal as the commands use it. */
export interface Io {
  /** A line on stdout. */
  out(text?: string): void
  /** A line on stderr. */
  err(text: string): void
  json(value: unknown): void
  /** Text without a line feed, on stderr: for the live display. */
  draw(text: string): void
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  columns(): number
  rows(): number
  /** Aborts when whoever reads stdout has gone (`| head`). Writing goes on into the void. */
  readonly closed: AbortSignal
}

export function createIo(): Io {
  const closed = new AbortController()
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) closed.abort()
    })
  }
  const write = (stream: Writable, text: string): void => {
    if (stream !== process.stdout || !closed.signal.aborted) stream.write(text)
  }
  return {
    out: (text = '') => write(process.stdout, `${text}\n`),
    err: (text) => write(process.stderr, `${text}\n`),
    json: (value) => write(process.stdout, `${JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined)}\n`),
    draw: (text) => write(process.stderr, text),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? process.stdout.columns ?? 80,
    rows: () => process.stdout.rows ?? 24,
    closed: closed.signal,
  }
}

/** All that was written has left the process. */
export function flushed(): Promise<void> {
  return Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  }))).then(() => undefined)
}

/** All of standard input, as text. */
export async function standardInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
  return text.trimEnd()
}

/** Signs that would steer the terminal are shown as what they are not. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : '\ufffd'))
}

/** Rows in columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows.map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ').trimEnd()).join('\n')
}
