import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { decodeText } from './decode.ts'
import type { Decoded } from './decode.ts'
import { pathOf } from './listing.ts'
import type { SkipReason } from './listing.ts'

/** Identity of a file's contents at one moment; a different stamp means that it was written since. */
export type Stamp = string

export type ReadResult =
  | { ok: true; lines: string[]; encoding: Extract<Decoded, { ok: true }>['encoding']; bytes: number; partial: boolean; stamp: Stamp }
  | { ok: false; reason: SkipReason; why: string }

/**
 * Reads the lines of a text file, at most `limitBytes` of it (cut at the last whole line, `partial` then says so). Never follows a link,
 * never blocks on a pipe; whatever cannot be read is a reason, not an error.
 */
export async function readText(root: Buffer, file: { path: string; raw?: string }, limitBytes: number): Promise<ReadResult> {
  let handle: FileHandle
  try {
    handle = await open(pathOf(root, file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return refused(error as NodeJS.ErrnoException)
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return { ok: false, reason: 'special', why: 'a pipe, socket or device' }
    const bytes = await readUpTo(handle, Math.min(limitBytes, Math.max(stat.size, 4096)), limitBytes)
    const partial = stat.size > bytes.length
    const decoded = decodeText(partial ? wholeLines(bytes) : bytes)
    if (!decoded.ok) return { ok: false, reason: decoded.reason, why: 'its bytes are no text' }
    const lines = decoded.text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    if (lines.at(-1) === '') lines.pop()
    return { ok: true, lines, encoding: decoded.encoding, bytes: bytes.length, partial, stamp: `${stat.size}-${stat.mtimeMs}-${stat.ino}` }
  } catch (error) {
    return refused(error as NodeJS.ErrnoException)
  } finally {
    await handle.close()
  }
}

/** Files of /proc say that they are empty, and a file may grow or shrink while it is read. */
async function readUpTo(handle: FileHandle, guess: number, limit: number): Promise<Buffer> {
  let buffer = Buffer.allocUnsafe(Math.min(guess + 1, limit))
  let length = 0
  for (;;) {
    if (length === buffer.length) {
      if (length >= limit) return buffer
      buffer = Buffer.concat([buffer], Math.min(limit, length * 2))
    }
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length)
    if (bytesRead === 0) return buffer.subarray(0, length)
    length += bytesRead
  }
}

/** Up to the last line feed, so that no sign is cut in two (in UTF-16 a line feed is 0A 00 or 00 0A). */
function wholeLines(bytes: Buffer): Buffer {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  const last = bytes.lastIndexOf(10)
  if (!wide) return last < 0 ? withoutCutSign(bytes) : bytes.subarray(0, last + 1)
  return bytes.subarray(0, bytes.length - (bytes.length % 2))
}

/** One endless line: leave out the bytes of a UTF-8 sign that may be cut at the end. */
function withoutCutSign(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && bytes.length - end < 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--
  return end > 0 && (bytes[end - 1] ?? 0) >= 0xc0 ? bytes.subarray(0, end - 1) : bytes
}

function refused(error: NodeJS.ErrnoException): ReadResult {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { ok: false, reason: 'vanished', why: 'it is no longer there' }
    case 'ELOOP':
      return { ok: false, reason: 'link', why: 'links are not followed' }
    case 'ENXIO':
      return { ok: false, reason: 'special', why: 'a pipe, socket or device' }
    default:
      return { ok: false, reason: 'unreadable', why: error.code ?? error.message }
  }
}
