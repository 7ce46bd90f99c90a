/** What a key cannot represent: merging two states that differ only in it would hide behaviour. */
export class Unrepresentable extends Error {
  constructor(readonly path: readonly (string | number)[], readonly what: string) {
    super(`${path.length === 0 ? 'the value' : path.join('.')} ${what}`)
  }
}
