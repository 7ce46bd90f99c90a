import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { messageOf } from '../kernel/errors.ts'
import { turnsOf } from './entry.ts'
import type { Reading } from './entry.ts'
import type { BadLine, Turn } from './types.ts'

/** Longer than any line of a real transcript; such a line is passed over without being held in memory. */
const longestLine = 64 * 1024 ** 2

export type Read = { turn: Turn } | { bad: BadLine } | { bytes: number }

/** Reads a transcript: its turns, its bad lines, and how far it has come, in bytes. Rejects when the file cannot be read. */
export async function* readTranscript(path: string): AsyncIterable<Read> {
  const reading: Reading = { session: basename(path, '.jsonl'), calls: new Map() }
  for await (const piece of linesOf(path)) {
    if ('bytes' in piece) yield piece
    else if (piece.text === undefined) yield { bad: { line: piece.line, problem: 'is longer than 64 MB', unfinished: false } }
    else if (piece.text.trim() !== '') {
      let turns: Turn[] = []
      try {
        turns = turnsOf(piece.text, reading)
      } catch (error) {
        if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
        yield { bad: { line: piece.line, problem: error instanceof SyntaxError ? `is no JSON (${messageOf(error).slice(0, 120)})` : messageOf(error), unfinished: piece.unfinished } }
      }
      for (const turn of turns) yield { turn }
    }
  }
}

type Piece = { line: number; text: string | undefined; unfinished: boolean } | { bytes: number }

async function* linesOf(path: string): AsyncIterable<Piece> {
  const decoder = new StringDecoder('utf8')
  let line = 1
  let rest: string[] = []
  let length = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const parts = decoder.write(chunk).split('\n')
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        yield { line: line++, text: length > longestLine ? undefined : rest.join(''), unfinished: false }
        rest = []
        length = 0
      }
      length += part.length
      if (length > longestLine) rest = []
      else rest.push(part)
    }
    yield { bytes: chunk.length }
  }
  const last = rest.join('') + decoder.end()
  if (last !== '' || length > longestLine) yield { line, text: length > longestLine ? undefined : last, unfinished: true }
}
