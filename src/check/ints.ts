/** A growing array of 32-bit integers. */
export class Ints {
  #data: Int32Array
  length = 0

  constructor(capacity = 1024) {
    this.#data = new Int32Array(capacity)
  }

  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = new Int32Array(this.length * 2)
      larger.set(this.#data)
      this.#data = larger
    }
    this.#data[this.length++] = value
  }

  at(index: number): number {
    return this.#data[index]!
  }

  set(index: number, value: number): void {
    this.#data[index] = value
  }

  get bytes(): number {
    return this.#data.byteLength
  }
}
