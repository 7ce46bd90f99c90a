import { join } from 'node:path'
import { encodePosting, postingBytes } from '../keyword/postings.ts'
import { encodeTerms } from '../keyword/terms-file.ts'
import type { TermRecord } from '../keyword/terms-file.ts'
import { termHash } from '../keyword/term-hash.ts'
import type { Columns } from '../rows/columns.ts'
import type { MemoryTable } from '../rows/table.ts'
import { analyse } from '../text/analyse.ts'
import { textHash } from '../text/hash.ts'
import { postingsFile, termsFile } from './files.ts'
import type { FileEntry } from './manifest.ts'
import { Output } from './output.ts'
import { pageRows } from './outlines.ts'

const mostFrequent = 65_535

/** Terms of all rows, one after the other, as they were read. */
class Occurrences {
  count = 0
  terms = new Uint32Array(1 << 16)
  frequencies = new Uint16Array(1 << 16)

  add(term: number, frequency: number): void {
    if (this.count === this.terms.length) {
      const [terms, frequencies] = [this.terms, this.frequencies]
      this.terms = new Uint32Array(2 * this.count)
      this.terms.set(terms)
      this.frequencies = new Uint16Array(2 * this.count)
      this.frequencies.set(frequencies)
    }
    this.terms[this.count] = term
    this.frequencies[this.count++] = Math.min(frequency, mostFrequent)
  }
}

/** Reads all texts, writes the inverted index, and fills in what the columns say of the texts. Returns the terms of all rows together. */
export async function writeKeywords(folder: string, table: MemoryTable, columns: Columns, pause: () => Promise<void>): Promise<{ files: Record<string, FileEntry>; terms: number }> {
  const codes = new Map<string, number>()
  const occurrences = new Occurrences()
  /** Where the terms of each ordinal begin and end. */
  const starts = new Float64Array(columns.count)
  const ends = new Float64Array(columns.count)
  let terms = 0
  for (let last = 0; ;) {
    const page = table.page(last, pageRows)
    for (const { num, text } of page) {
      const ordinal = columns.ordinalOf(num)
      if (ordinal === -1) continue
      const counts = new Map<number, number>()
      let length = 0
      analyse(text, (term) => {
        length++
        let code = codes.get(term)
        if (code === undefined) codes.set(term, code = codes.size)
        counts.set(code, (counts.get(code) ?? 0) + 1)
      })
      starts[ordinal] = occurrences.count
      for (const [code, count] of counts) occurrences.add(code, count)
      ends[ordinal] = occurrences.count
      columns.length[ordinal] = Math.min(length, mostFrequent)
      columns.textHash[ordinal] = textHash(text)
      terms += columns.length[ordinal]!
    }
    if (page.length < pageRows) break
    last = page.at(-1)!.num
    await pause()
  }
  return { files: await writePostings(folder, [...codes.keys()], occurrences, starts, ends, columns, pause), terms }
}

async function writePostings(folder: string, words: string[], occurrences: Occurrences, starts: Float64Array, ends: Float64Array, columns: Columns, pause: () => Promise<void>): Promise<Record<string, FileEntry>> {
  const firsts = new Float64Array(words.length + 1)
  for (let at = 0; at < occurrences.count; at++) firsts[occurrences.terms[at]! + 1]!++
  for (let code = 0; code < words.length; code++) firsts[code + 1]! += firsts[code]!
  const ordinals = new Uint32Array(occurrences.count)
  const frequencies = new Uint16Array(occurrences.count)
  const next = firsts.slice()
  for (let ordinal = 0; ordinal < columns.count; ordinal++) {
    for (let at = starts[ordinal]!; at < ends[ordinal]!; at++) {
      const place = next[occurrences.terms[at]!]!++
      ordinals[place] = ordinal
      frequencies[place] = occurrences.frequencies[at]!
    }
  }
  const output = new Output(join(folder, postingsFile))
  const records: TermRecord[] = []
  let buffer = new Uint8Array(1 << 16)
  for (let code = 0; code < words.length; code++) {
    const [first, end] = [firsts[code]!, firsts[code + 1]!]
    if (buffer.length < postingBytes(end - first)) buffer = new Uint8Array(2 * postingBytes(end - first))
    const bytes = encodePosting(buffer, ordinals.subarray(first, end), frequencies.subarray(first, end), columns.length)
    records.push({ ...termHash(words[code]!), rows: end - first, offset: output.position, bytes })
    output.write(buffer.subarray(0, bytes))
    if (code % 10_000 === 0) await pause()
  }
  const terms = new Output(join(folder, termsFile))
  terms.write(encodeTerms(records))
  return { [postingsFile]: output.end(), [termsFile]: terms.end() }
}
