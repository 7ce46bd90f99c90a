import { readFileSync } from 'node:fs'
import { builtinTable } from '../../embedding/builtin-model.ts'

/**
 * Text like that of coding agents: topics with words of their own over a Zipf distribution, sessions that stay with a topic,
 * identifiers, paths and numbers in between. The same seed gives the same text.
 */
export interface CorpusMemory {
  text: string
  project: string
  session: string
  at: number
}

const topics = 600
const topicWords = 240
const sessionLength = 20
const common = 'the of to in is and for it we that on with this was by as be at not from when are an if or then can has'.split(' ')

export class Corpus {
  #state: number
  readonly #words: string[]
  readonly #topics: string[][]
  readonly #projects: number

  constructor(seed: number, projects: number) {
    this.#state = seed
    this.#projects = projects
    this.#words = vocabulary()
    this.#topics = Array.from({ length: topics }, () => Array.from({ length: topicWords }, () => this.#anyWord()))
  }

  *memories(count: number): Generator<CorpusMemory> {
    for (let index = 0; index < count; index++) {
      const session = Math.floor(index / sessionLength)
      yield { text: this.#sentence(session % topics, 12 + this.#below(40)), project: `project-${session % this.#projects}`, session: `session-${session}`, at: index * 1_000 }
    }
  }

  /** `words` of a text in another order, some exchanged: what somebody remembers of it. */
  question(text: string, words: number): string {
    const known = text.split(' ')
    return Array.from({ length: words }, (_, index) => (index % 4 === 3 ? this.#anyWord() : known[this.#below(known.length)]!)).join(' ')
  }

  below(limit: number): number {
    return this.#below(limit)
  }

  #sentence(topic: number, length: number): string {
    return Array.from({ length }, () => {
      const kind = this.#below(100)
      if (kind < 38) return common[this.#zipf(common.length)]!
      if (kind < 78) return this.#topics[topic]![this.#zipf(topicWords)]!
      if (kind < 92) return this.#anyWord()
      if (kind < 95) return `${this.#anyWord()}${capital(this.#topics[topic]![this.#below(topicWords)]!)}`
      if (kind < 97) return `src/${this.#topics[topic]![this.#below(20)]}/${this.#anyWord()}.ts`
      return String(this.#below(100_000))
    }).join(' ')
  }

  #anyWord(): string {
    return this.#words[this.#zipf(this.#words.length)]!
  }

  /** Rank r with a chance of about 1 / r. */
  #zipf(count: number): number {
    return Math.min(count - 1, Math.floor(count ** this.#next()) - 1)
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit)
  }

  /** Mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Whole English words that the built-in model knows, the frequent ones first. */
function vocabulary(): string[] {
  const file = readFileSync(builtinTable)
  const wordsEnd = file.length - 32
  const words = file.toString('utf8', wordsEnd - file.readUInt32LE(20), wordsEnd).split('\n')
  return words.filter((word) => /^[a-z]{3,}$/.test(word))
}

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1)
