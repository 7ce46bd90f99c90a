/** The best `size` of many, by score; of equals the lower tie number is the better. A binary heap with the worst on top. */
export class Top {
  readonly #size: number
  readonly #scores: number[] = []
  readonly #ties: number[] = []
  readonly #items: number[] = []

  constructor(size: number) {
    this.#size = size
  }

  /** What a score must exceed, or equal with a lower tie number, to get in. */
  get threshold(): number {
    return this.#scores.length < this.#size ? -Infinity : this.#scores[0]!
  }

  get length(): number {
    return this.#scores.length
  }

  add(score: number, tie: number, item: number): void {
    const length = this.#scores.length
    if (length < this.#size) {
      this.#set(length, score, tie, item)
      this.#rise(length)
    } else if (worse(this.#scores[0]!, this.#ties[0]!, score, tie)) {
      this.#set(0, score, tie, item)
      this.#sink(0)
    }
  }

  /** Best first. */
  sorted(): { item: number; score: number }[] {
    const order = this.#scores.map((_, index) => index)
    order.sort((a, b) => this.#scores[b]! - this.#scores[a]! || this.#ties[a]! - this.#ties[b]!)
    return order.map((index) => ({ item: this.#items[index]!, score: this.#scores[index]! }))
  }

  #set(index: number, score: number, tie: number, item: number): void {
    this.#scores[index] = score
    this.#ties[index] = tie
    this.#items[index] = item
  }

  #swap(a: number, b: number): void {
    const [score, tie, item] = [this.#scores[a]!, this.#ties[a]!, this.#items[a]!]
    this.#set(a, this.#scores[b]!, this.#ties[b]!, this.#items[b]!)
    this.#set(b, score, tie, item)
  }

  #isWorse(a: number, b: number): boolean {
    return worse(this.#scores[a]!, this.#ties[a]!, this.#scores[b]!, this.#ties[b]!)
  }

  #rise(index: number): void {
    for (let at = index; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#isWorse(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(index: number): void {
    for (let at = index; ; ) {
      let worst = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < this.#scores.length && this.#isWorse(child, worst)) worst = child
      if (worst === at) return
      this.#swap(at, worst)
      at = worst
    }
  }
}

function worse(score: number, tie: number, than: number, thanTie: number): boolean {
  return score < than || (score === than && tie > thanTie)
}
