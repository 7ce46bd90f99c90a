/** What happened, folded into a hash as it happens; the last lines are kept for a person. */
export class Trace {
  #a = 0xdeadbeef
  #b = 0x41c6ce57
  #lines: string[] = []
  readonly #time = new Float64Array(1)
  readonly #timeBits = new Int32Array(this.#time.buffer)
  /** Numbers that stand for texts: most come again and again. */
  readonly #known = new Map<string, number>()
  events = 0

  constructor(private readonly keep: number) {}

  add(time: number, where: string, what: string): void {
    this.events++
    this.#time[0] = time
    this.#fold(this.#timeBits[0]!)
    this.#fold(this.#timeBits[1]!)
    this.#fold(this.#numberOf(where))
    this.#fold(this.#numberOf(what))
    if (this.keep === 0) return
    this.#lines.push(`${time.toFixed(3)} ${where} ${what}`)
    if (this.#lines.length > this.keep * 2) this.#lines = this.#lines.slice(-this.keep)
  }

  #fold(number: number): void {
    this.#a = Math.imul(this.#a ^ number, 2654435761)
    this.#b = Math.imul((this.#b ^ number) + 0x6d2b79f5, 1597334677)
    this.#b ^= this.#b >>> 15
  }

  #numberOf(text: string): number {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    let number = 0
    for (let index = 0; index < text.length; index++) number = Math.imul(number ^ text.charCodeAt(index), 16777619) + 1
    this.#known.set(text, number)
    return number
  }

  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0')
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.keep)
  }
}
