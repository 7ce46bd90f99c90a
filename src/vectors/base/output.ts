import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { FileEntry } from './manifest.ts'

const bufferBytes = 1 << 20

/** Writes one file from start to end and keeps its checksum. */
export class Output {
  readonly #fd: number
  readonly #buffer = new Uint8Array(bufferBytes)
  #filled = 0
  #written = 0
  #crc = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600)
  }

  /** Bytes so far. */
  get position(): number {
    return this.#written + this.#filled
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > bufferBytes - this.#filled) this.#flush()
    if (bytes.length > bufferBytes) {
      this.#put(bytes)
    } else {
      this.#buffer.set(bytes, this.#filled)
      this.#filled += bytes.length
    }
  }

  /** On the disk when it returns. */
  end(): FileEntry {
    this.#flush()
    fsyncSync(this.#fd)
    closeSync(this.#fd)
    return { bytes: this.#written, crc: this.#crc }
  }

  #flush(): void {
    this.#put(this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
  }

  #put(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done, bytes.length - done)
    this.#written += bytes.length
    this.#crc = crc32(bytes, this.#crc)
  }
}

/** Of a file that somebody else wrote; it is on the disk when this returns. */
export function checksumOf(path: string): FileEntry {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
    const buffer = new Uint8Array(bufferBytes)
    let [bytes, crc] = [0, 0]
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
      crc = crc32(buffer.subarray(0, read), crc)
      bytes += read
    }
    return { bytes, crc }
  } finally {
    closeSync(fd)
  }
}
