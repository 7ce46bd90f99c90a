import { hash } from 'node:crypto'
import type { Purpose } from '../../src/embedding/types.ts'
import { InvalidArgument } from '../../src/kernel/errors.ts'

/** Names a vector: model, purpose and text. */
export function hashOf(model: string, purpose: Purpose, text: string): string {
  return hash('sha256', `${model}\0${purpose}\0${text}`)
}

/** Throws `InvalidArgument` for what is no array of strings. */
export function checkTexts(texts: readonly string[]): void {
  if (!Array.isArray(texts)) throw new InvalidArgument('texts', 'must be an array of strings')
  const wrong = texts.findIndex((text) => typeof text !== 'string')
  if (wrong >= 0) throw new InvalidArgument(`texts[${wrong}]`, 'must be a string')
}
