import { kernelCode } from './kernel-code.ts'

const pageBytes = 65_536
/** Rows of one call: its results fill the area below. */
export const rowsAtOnce = 8_192
export const maxDimension = 8_192
const outAt = 2 * maxDimension
const headBytes = outAt + 4 * rowsAtOnce

/** Bytes of a row: SIMD takes sixteen at a time. */
export const strideOf = (dimension: number): number => Math.ceil(dimension / 16) * 16

/** Whether a vector of this many numbers can be searched. */
export const searchable = (dimension: number): boolean => dimension >= 1 && dimension <= maxDimension

interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): void
}

/** The type libraries of Node have no WebAssembly. */
const wasm = (globalThis as unknown as {
  WebAssembly: {
    Memory: new (options: { initial: number }) => Memory
    Module: new (code: Uint8Array) => object
    Instance: new (module: object, imports: object) => { exports: { scan: Scan } }
  }
}).WebAssembly

type Scan = (vectors: number, count: number, stride: number, query: number, out: number) => void

let compiled: object | undefined

/** Dot products of one query with many rows of signed bytes, which lie in the kernel's own memory. */
export class Kernel {
  readonly #memory: Memory
  readonly #scan: Scan
  #stride = 16
  #bytes = 0
  /** What one step of the query, as it was rounded to 16 bits, stands for. */
  #step = 0

  constructor() {
    this.#memory = new wasm.Memory({ initial: Math.ceil(headBytes / pageBytes) })
    compiled ??= new wasm.Module(kernelCode())
    this.#scan = new wasm.Instance(compiled, { host: { memory: this.#memory } }).exports.scan
  }

  /** Room for this many bytes of rows. What is there stays; views from `rows` do not. */
  reserve(bytes: number): void {
    const missing = headBytes + bytes - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes))
    this.#bytes = Math.max(this.#bytes, bytes)
  }

  /** The area of the rows. Valid until the next `reserve`. */
  rows(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, headBytes, this.#bytes)
  }

  setQuery(query: Float32Array): void {
    this.#stride = strideOf(query.length)
    let largest = 0
    let sum = 0
    for (const value of query) {
      largest = Math.max(largest, Math.abs(value))
      sum += Math.abs(value)
    }
    // The largest factor that keeps a number within 16 bits and a sum of products with bytes within 31.
    const factor = largest === 0 ? 0 : Math.min(32_767 / largest, (2 ** 31 - 1 - 128 * query.length) / (128 * sum))
    const target = new Int16Array(this.#memory.buffer, 0, this.#stride)
    for (let index = 0; index < this.#stride; index++) target[index] = Math.round((query[index] ?? 0) * factor)
    this.#step = factor === 0 ? 0 : 1 / factor
  }

  /** Dot products of `count` (at most `rowsAtOnce`) rows from `first`, each still to be multiplied by `step` and by the scale of its row. Valid until the next call. */
  dots(first: number, count: number): Float32Array {
    if (count > 0) this.#scan(headBytes + first * this.#stride, count, this.#stride, 0, outAt)
    return new Float32Array(this.#memory.buffer, outAt, count)
  }

  get step(): number {
    return this.#step
  }
}
