import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Memories made from the documentation of the packages that are installed: each session goes through a document, paragraph by
 * paragraph, and each memory is a paragraph with a few words of another. The same seed and packages give the same text.
 */
export interface CorpusMemory {
  text: string
  project: string
  session: string
  at: number
}

const sessionLength = 20
const paragraphLimit = 120_000

export class Corpus {
  #state: number
  readonly #paragraphs: string[]
  readonly #projects: number

  constructor(seed: number, projects: number) {
    this.#state = seed
    this.#projects = projects
    this.#paragraphs = readParagraphs()
  }

  *memories(count: number): Generator<CorpusMemory> {
    let paragraph = 0
    for (let index = 0; index < count; index++) {
      const session = Math.floor(index / sessionLength)
      if (index % sessionLength === 0) paragraph = this.below(this.#paragraphs.length)
      const text = `${this.#paragraphs[paragraph++ % this.#paragraphs.length]} ${this.#someWords(2 + this.below(8))} ${this.below(100_000)}`
      yield { text, project: `project-${session % this.#projects}`, session: `session-${session}`, at: index * 1_000 }
    }
  }

  /** What somebody remembers of a text: `words` words, a quarter of them from elsewhere. */
  question(text: string, words: number): string {
    const known = text.split(' ')
    return Array.from({ length: words }, (_, index) => (index % 4 === 3 ? this.#someWords(1) : known[this.below(known.length)]!)).join(' ')
  }

  /** Mulberry32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  #someWords(count: number): string {
    const words = this.#paragraphs[this.below(this.#paragraphs.length)]!.split(' ')
    const first = this.below(Math.max(1, words.length - count))
    return words.slice(first, first + count).join(' ')
  }
}

function readParagraphs(): string[] {
  const found = new Set<string>()
  for (let folder = dirname(fileURLToPath(import.meta.url)); found.size < paragraphLimit; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules'))) collect(join(folder, 'node_modules'), found)
    if (folder === dirname(folder)) break
  }
  return [...found]
}

function collect(folder: string, found: Set<string>): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (found.size >= paragraphLimit) return
    if (entry.isDirectory()) collect(path, found)
    else if (/\.(md|d\.ts)$/.test(entry.name)) for (const paragraph of paragraphs(readFileSync(path, 'utf8'))) found.add(paragraph)
  }
}

function paragraphs(text: string): string[] {
  return text.split(/\n\s*\n/).map((paragraph) => paragraph.replaceAll(/[\s*|`#]+/g, ' ').trim()).filter(({ length }) => length > 60 && length < 500)
}
