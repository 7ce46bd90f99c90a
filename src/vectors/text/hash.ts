/** 32 bits of a text (FNV-1a over its code units): tells whether the text of a row is still the one that was indexed. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
