import { describe, expect, it } from 'vitest'
import { redact } from '../../src/redaction/redact.ts'

describe('private spans', () => {
  it.each([
    ['one', 'a <private>b</private> c', 'a  c', 1],
    ['nested', 'a <private>b <private>c</private> d</private> e', 'a  e', 1],
    ['two', '<private>a</private>b<private>c</private>', 'b', 2],
    ['never closed', 'a <private>b\nc', 'a ', 1],
    ['closed once too few', 'a <private>b<private>c</private> d', 'a ', 1],
    ['upper case', 'a <PRIVATE>b</Private> c', 'a  c', 1],
    ['attributes', 'a <private reason="x > y" until=now>b</private > c', 'a  c', 1],
    ['over lines', 'a\n<private>\nb\n</private>\nc', 'a\n\nc', 1],
    ['a tag cut off', 'a <private rea', 'a ', 1],
    ['escaped for HTML', 'a &lt;private&gt;b&lt;/private&gt; c', 'a  c', 1],
    ['escaped in JSON', '{"t":"\\u003cprivate\\u003eb\\u003c/private\\u003ec"}', '{"t":" c"}', 1],
    ['what stood on both sides does not join', '<pri<private>x</private>vate>y', '<pri vate>y', 1],
  ])('%s', (_, text, left, count) => {
    expect(redact(text)).toEqual({ text: left, redactions: [{ kind: 'private', count }], touched: true })
  })

  it.each(['private', '<privateer>a</privateer>', 'a </private> b', '#private: <T>', 'private <T>(a: T) => b'])('leaves %s', (text) => {
    expect(redact(text)).toEqual({ text, redactions: [], touched: false })
  })
})
