import { base64 } from './seeded.ts'
import type { Seeded } from './seeded.ts'

const labels: Record<string, string> = {
  'rsa private key': 'RSA PRIVATE ' + 'KEY',
  'ec private key': 'EC PRIVATE ' + 'KEY',
  'pkcs8 private key': 'PRIVATE ' + 'KEY',
  'encrypted private key': 'ENCRYPTED PRIVATE ' + 'KEY',
  'openssh private key': 'OPENSSH PRIVATE ' + 'KEY',
  'pgp private key': 'PGP PRIVATE ' + 'KEY BLOCK',
}

export interface Block {
  text: string
  /** The lines of the body: none may be left. */
  body: string[]
}

/** Private keys over several lines. */
export const blocks: Record<string, (random: Seeded) => Block> = Object.fromEntries(
  Object.entries(labels).map(([name, label]) => [
    name,
    (r: Seeded): Block => {
      const body = Array.from({ length: 4 + r.below(20) }, () => r.mixed(64, base64))
      body.push(`${r.mixed(30, base64)}==`)
      const extra = name.startsWith('pgp') ? ['Version: GnuPG v2', ''] : []
      return { text: [`-----BEGIN ${label}-----`, ...extra, ...body, `-----END ${label}-----`].join('\n'), body }
    },
  ]),
)
