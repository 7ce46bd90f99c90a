/** What happened, folded into a hash as it happens; the last lines are kept for a person. */
export class Trace {
  #a = 0xdeadbeef
  #b = 0x41c6ce57
  #lines: string[] = []
  events = 0

  constructor(private readonly keep: number) {}

  add(time: number, where: string, what: string): void {
    this.events++
    const line = `${time.toFixed(3)} ${where} ${what}`
    for (let index = 0; index < line.length; index++) {
      const code = line.charCodeAt(index)
      this.#a = Math.imul(this.#a ^ code, 2654435761)
      this.#b = Math.imul(this.#b ^ code, 1597334677)
    }
    if (this.keep === 0) return
    this.#lines.push(line)
    if (this.#lines.length > this.keep * 2) this.#lines = this.#lines.slice(-this.keep)
  }

  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0')
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.keep)
  }
}
