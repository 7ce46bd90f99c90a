import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { BaseUnusable } from './manifest.ts'
import type { FileEntry } from './manifest.ts'

const checkedAtOnce = 4 << 20

/** A file of the base, open as long as the base is: it may be deleted meanwhile. Its pages are shared by all processes of the folder. */
export class Input {
  readonly #fd: number
  readonly #name: string
  readonly bytes: number
  #open = true

  /** Throws `BaseUnusable` when the file is not the one that was written, byte for byte. */
  constructor(path: string, name: string, entry: FileEntry | undefined) {
    if (entry === undefined) throw new BaseUnusable(`its manifest has no ${name}`)
    this.#fd = openSync(path, 'r')
    this.#name = name
    this.bytes = fstatSync(this.#fd).size
    try {
      this.#check(entry)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #check(entry: FileEntry): void {
    if (this.bytes !== entry.bytes) throw new BaseUnusable(`${this.#name} has ${this.bytes} bytes instead of ${entry.bytes}`)
    const buffer = new Uint8Array(Math.min(checkedAtOnce, this.bytes))
    let crc = 0
    for (let at = 0; at < this.bytes; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, this.bytes - at))
      this.readInto(part, at)
      crc = crc32(part, crc)
    }
    if (crc !== entry.crc) throw new BaseUnusable(`${this.#name} is damaged (checksum)`)
  }

  read(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    const target = new Uint8Array(bytes)
    this.readInto(target, at)
    return target
  }

  readInto(target: Uint8Array, at: number): void {
    for (let done = 0; done < target.length; ) {
      const read = readSync(this.#fd, target, done, target.length - done, at + done)
      if (read === 0) throw new BaseUnusable(`${this.#name} ends at ${at + done} bytes`)
      done += read
    }
  }

  /** Harmless when done twice. */
  close(): void {
    if (this.#open) closeSync(this.#fd)
    this.#open = false
  }
}
