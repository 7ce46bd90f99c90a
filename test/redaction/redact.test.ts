import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact } from '../../src/redaction/redact.ts'
import { rules } from '../../src/redaction/rules/all.ts'
import { casesOf } from './corpus/cases.ts'
import { Seeded } from './corpus/seeded.ts'

const token = `ghp${'_'}${new Seeded(1).mixed(36)}`
const password = 'hunter2'

describe('redact', () => {
  it('gives a marker in place of the secret and nothing else', () => {
    expect(redact(`a ${token} b ${token}`)).toEqual({
      text: 'a [redacted:github-token] b [redacted:github-token]',
      redactions: [{ kind: 'github-token', count: 2 }],
      touched: true,
    })
  })

  it.each(['', ' ', '\0\u0001\u0002', '\ud800 alone \udfff', 'مرحبا كلمة', '\u200b', '[redacted:password]', 'password=[redacted:password]'])('leaves %j as it is', (text) => {
    expect(redact(text)).toEqual({ text, redactions: [], touched: false })
  })

  it.each([undefined, null, 7, {}])('refuses %j', (text) => {
    expect(() => redact(text as unknown as string)).toThrow(expect.objectContaining({ code: 'invalid_argument', field: 'text' }))
  })

  it('names the special kind when a general one sees it too, and takes the whole of both', () => {
    expect(redact(`password=${token}`).text).toBe('password=[redacted:github-token]')
    expect(redact(`DB_PASSWORD=x7${token}`).text).toBe('DB_PASSWORD=[redacted:github-token]')
  })

  it('does not cut its own marker in two', () => {
    expect(redact('clone https://Zpq9abcd:x-oauth-basic@github.com/a').text).toBe('clone https://[redacted:url-password]:x-oauth-basic@github.com/a')
  })

  it('does not cut a marker where a value is too long to be looked at whole', () => {
    const text = `machine db login app password ${'x7'.repeat(126)}[redacted:password]`
    expect(redact(text).text).toBe('machine db login app password [redacted:netrc-password]')
  })

  it('goes on until nothing is left of what is longer than a rule looks', () => {
    expect(redact(`Cookie: ${'sid=a1b2c3d4e5; '.repeat(200)}\nHost: a`).text).not.toContain('a1b2')
    expect(redact(`password=${'a1B2/'.repeat(2000)} done`).text).toBe('password=[redacted:password] done')
  })

  it('looks again at what a marker sets free', () => {
    const left = redact(['r8_ya29.', 'lin_api_', 'sb_secret_', 'tskey-=', 'sb_secret_', 'v1.0-gsk_'].join('')).text
    expect(redact(left).touched).toBe(false)
  })

  it('changes nothing the second time, whatever is put together', () => {
    const parts = [...casesOf(105).filter((_, at) => at % 37 === 0).map(({ text }) => text), ...rules.flatMap(({ needles }) => needles.slice(0, 2)), '=', ': ', '"', '\\', '\n', '[redacted:', ']', '@', '%3D', '\u200b']
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 8 })), { maxLength: 8 }), (pieces) => {
        const left = redact(pieces.join('')).text
        expect(redact(left)).toEqual({ text: left, redactions: [], touched: false })
      }),
      { numRuns: 2000 },
    )
  })

  describe('a secret in disguise', () => {
    it.each([
      ['zero-width characters in the name', `pass\u200bword: ${password}`],
      ['zero-width characters in the value', `password: hun\u200bter2`],
      ['a soft hyphen in a token', `${token.slice(0, 9)}\u00ad${token.slice(9)}`],
      ['a token continued on the next line', `${token.slice(0, 9)}\\\n    ${token.slice(9)}`],
      ['another case of the name', `PassWord: ${password}`],
      ['percent signs', `password%3D${password}%26x`],
      ['percent signs in a URL', `postgres%3A%2F%2Fapp%3A${password}%40db%2Fx`],
      ['unicode escapes of JSON', `{"pass\\u0077ord":"\\u0068unter2"}`],
      ['escaped quotes', `"{\\"password\\":\\"${password}\\"}"`],
      ['quotes escaped twice', `"{\\\\\\"password\\\\\\":\\\\\\"${password}\\\\\\"}"`],
      ['entities of HTML', `&quot;password&quot;: &quot;${password}&quot;`],
      ['colours of a terminal', `\u001b[1mpassword\u001b[0m: \u001b[31m${password}\u001b[0m`],
    ])('is caught: %s', (_, text) => {
      const { text: left, touched } = redact(text)
      expect(touched).toBe(true)
      expect(left.replaceAll(/[\u200b\u00ad]/g, '')).not.toMatch(/unter2|hun.?ter/)
      expect(left).not.toContain(token.slice(9))
    })

    /** Known limits, held so that a change of them is seen. */
    it.each([
      ['base64', Buffer.from(`password: ${password}`).toString('base64')],
      ['backwards', [...token].reverse().join('')],
      ['spelled apart', [...token].join(' ')],
      ['over two strings', `'${token.slice(0, 9)}' + '${token.slice(9)}'`],
      ['letters of another script', `p\u0430ssword: ${password}`],
      ['a word as password', 'password: sunshine'],
      ['a password nobody names', `use ${password} to log in`],
    ])('is not caught: %s', (_, text) => {
      expect(redact(text).touched).toBe(false)
    })
  })
})
