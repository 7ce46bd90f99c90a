// A thread that does what it is told by files in the model's folder and by its texts: real deaths, real hangs.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ModelUnusable } from '../../src/kernel/errors.ts'
import { serveThread } from '../../src/embedding/thread/serve.ts'

const nap = new Int32Array(new SharedArrayBuffer(4))
function blockUntil(holds: () => boolean): void {
  while (!holds()) Atomics.wait(nap, 0, 0, 2)
}

serveThread(async (source) => {
  const { path } = source as { path: string }
  const at = (file: string): string => join(path, file)
  appendFileSync(at('starts'), 'start\n')
  if (existsSync(at('unusable'))) throw new ModelUnusable(path, 'the file "unusable" is there')
  if (existsSync(at('dies'))) process.exit(3)
  if (existsSync(at('hangs'))) blockUntil(() => false)
  return {
    key: existsSync(at('key')) ? readFileSync(at('key'), 'utf8') : 'faulty@1', dimension: 2, maxTokens: 100,
    async embed(texts, purpose) {
      appendFileSync(at('batches'), `${JSON.stringify({ purpose, texts: texts.map((text) => text.slice(0, 40)) })}\n`)
      blockUntil(() => !existsSync(at('wait')))
      if (texts.includes('die')) process.exit(3)
      if (texts.includes('die once') && !existsSync(at('died'))) {
        appendFileSync(at('died'), 'x')
        process.exit(3)
      }
      if (texts.includes('hang')) blockUntil(() => false)
      if (texts.includes('throw')) throw new Error('told to throw')
      return texts.map((text) => Float32Array.of(text.length, purpose === 'query' ? 1 : 0))
    },
    close: async () => {},
  }
})
