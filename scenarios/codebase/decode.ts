export type Decoded =
  | { ok: true; text: string; encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin-1' }
  | { ok: false; reason: 'binary' }

/** As git does: a NUL among the first 8,000 bytes makes a file binary. */
const sniffed = 8000

/** The text of a file's bytes: by byte order mark, else UTF-8, else Latin-1 when that reads like text. */
export function decodeText(bytes: Buffer): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { ok: true, text: decodeUtf16(bytes.subarray(2)), encoding: 'utf-16le' }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { ok: true, text: decodeUtf16(swapped(bytes.subarray(2))), encoding: 'utf-16be' }
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return { ok: false, reason: 'binary' }
  const head = bytes.subarray(0, sniffed)
  if (head.includes(0)) return decodeUnmarked(bytes, head)
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const utf8 = tryUtf8(bytes.subarray(start))
  if (utf8 !== undefined) return { ok: true, text: utf8, encoding: 'utf-8' }
  return controlShare(head) > 0.02 ? { ok: false, reason: 'binary' } : { ok: true, text: bytes.toString('latin1'), encoding: 'latin-1' }
}

/** Text in UTF-16 without a mark has its NULs all on one side. */
function decodeUnmarked(bytes: Buffer, head: Buffer): Decoded {
  let [even, odd] = [0, 0]
  for (let i = 0; i < head.length; i++) {
    if (head[i] !== 0) continue
    if (i % 2 === 0) even++
    else odd++
  }
  const half = head.length / 2
  if (odd > half * 0.7 && even === 0) return { ok: true, text: decodeUtf16(bytes), encoding: 'utf-16le' }
  if (even > half * 0.7 && odd === 0) return { ok: true, text: decodeUtf16(swapped(bytes)), encoding: 'utf-16be' }
  return { ok: false, reason: 'binary' }
}

function decodeUtf16(bytes: Buffer): string {
  return bytes.subarray(0, bytes.length - (bytes.length % 2)).toString('utf16le')
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2))).swap16()
}

function tryUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Share of bytes that no text holds (tab, line feed, form feed, carriage return and escape are fine). */
function controlShare(bytes: Buffer): number {
  let control = 0
  for (const byte of bytes) if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) || byte === 127) control++
  return bytes.length === 0 ? 0 : control / bytes.length
}
