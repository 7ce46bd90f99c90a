import { alnum, base64, base64url, digits, hex, lower } from './seeded.ts'
import type { Seeded } from './seeded.ts'

export interface Line {
  text: string
  secret: string
}

const password = (r: Seeded): string => r.mixed(14, `${alnum}-_.!`).replace(/[-_.!]$/, 'k').replace(/^[-_.!]/, 'k')

function line(secret: string, before: string, after = ''): Line {
  return { text: before + secret + after, secret }
}

/** Secrets that their surroundings give away: URLs, headers, files, commands. */
export const lines: Record<string, (random: Seeded) => Line> = {
  'postgres url': (r) => line(password(r), `postgres://app:`, `@db.internal:5432/app?sslmode=require`),
  'redis url': (r) => line(password(r), `redis://${r.pick(['', 'default'])}:`, `@10.0.0.${r.below(250)}:6379/0`),
  'mongodb url': (r) => line(password(r), `mongodb+srv://svc:`, `@cluster0.${r.chars(5, lower)}.mongodb.net/prod`),
  'amqp url': (r) => line(password(r), `amqp://worker:`, `@rabbit:5672/%2F`),
  'mysql url': (r) => line(password(r), `mysql://root:`, `@127.0.0.1:3306/shop`),
  'https url with password': (r) => line(password(r), `https://ci:`, `@git.example.com/team/app.git`),
  'git url with token': (r) => line(r.mixed(36), `https://`, `@git.example.com/team/app.git`),
  'sentry dsn': (r) => line(r.chars(32, hex), `https://${r.chars(32, hex)}:`, `@o${r.chars(6, digits)}.ingest.sentry.io/${r.chars(7, digits)}`),
  'slack webhook': (r) => line(`T${r.chars(9, 'ABCDEFGHJK0123456789')}/B${r.chars(9, 'ABCDEFGHJK0123456789')}/${r.mixed(24)}`, `https://hooks.slack` + `.com/services/`),
  'discord webhook': (r) => line(r.mixed(68, base64url), `https://discord.com/api` + `/webhooks/${r.chars(18, digits)}/`),
  'azure connection string': (r) => line(`${r.mixed(86, base64)}==`, `DefaultEndpointsProtocol=https;AccountName=store1;Account` + `Key=`, `;EndpointSuffix=core.windows.net`),
  'azure service bus': (r) => line(`${r.mixed(43, base64)}=`, `Endpoint=sb://bus1.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccess` + `Key=`),
  'azure sas url': (r) => line(`${r.mixed(43)}%3D`, `https://store1.blob.core.windows.net/c/f.txt?sv=2024-11-04&se=2026-01-01T00%3A00%3A00Z&sr=b&sp=r&si` + `g=`),
  'sql server connection string': (r) => line(password(r).replaceAll('.', 'x'), `Server=tcp:db1,1433;Database=app;User Id=sa;Pass` + `word=`, `;Encrypt=true`),
  'bearer header': (r) => line(r.mixed(40, base64url), `Authorization: Bear` + `er `),
  'basic header': (r) => line(Buffer.from(`user${r.below(90)}:${password(r)}`).toString('base64'), `Authorization: Bas` + `ic `),
  'token header': (r) => line(r.chars(40, hex), `Authorization: tok` + `en `),
  'api key header': (r) => line(r.mixed(32), `X-Api-` + `Key: `),
  'cookie header': (r) => line(r.mixed(43, base64url), `Cookie: theme=dark; sid=`),
  'set-cookie header': (r) => line(`s%3A${r.mixed(32, base64url)}.${r.mixed(43)}`, `Set-Cookie: connect.sid=`, `; Path=/; HttpOnly`),
  'curl user': (r) => line(password(r), `curl -sS -u admin:`, ` https://api.example.com/v1/me`),
  netrc: (r) => line(password(r), `machine git.example.com login ci-bot password `),
  pgpass: (r) => line(password(r), `db.internal:5432:app:svc:`),
  htpasswd: (r) => line(`$ap` + `r1$${r.mixed(8)}$${r.mixed(22, `./${alnum}`)}`, `alice:`),
  kubeconfig: (r) => line(r.mixed(300, base64), `    client-key-` + `data: `),
  'kubeconfig token': (r) => line(r.mixed(64, base64url), `    tok` + `en: `),
  wireguard: (r) => line(`${r.mixed(42, base64)}${r.pick(['A', 'E', 'g', '8'])}=`, `Private` + `Key = `),
  'otp uri': (r) => line(r.chars(32, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'), `otpauth://totp/Example:alice?sec` + `ret=`, `&issuer=Example`),
  'npmrc auth': (r) => line(r.uuid(), `//registry.example.com/:_auth` + `Token=`),
  'docker config auth': (r) => line(Buffer.from(`bot:${password(r)}${r.chars(6)}`).toString('base64'), `{"auths":{"ghcr.io":{"au` + `th":"`, `"}}}`),
  'mysql option': (r) => line(password(r), `mysqldump --host=db1 --user=root --pass` + `word=`, ` app`),
  'sql statement': (r) => line(password(r), `ALTER USER app WITH PASS` + `WORD '`, `';`),
  'seed phrase': (r) => line(Array.from({ length: 12 }, () => r.chars(4 + r.below(4), lower)).join(' '), `mnem` + `onic: `),
  'prose password': (r) => line(password(r), `the database pass` + `word is `),
  'jwk private key': (r) => line(r.mixed(43, base64url), `{"kty":"EC","crv":"P-256","x":"${r.mixed(43, base64url)}","` + `d":"`, `"}`),
}
