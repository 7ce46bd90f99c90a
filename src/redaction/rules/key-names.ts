/** How much a value must look like a secret: people choose passwords, machines make tokens. */
export type Strength = 'password' | 'token'

export interface KeyClass {
  /** The kind when the value has the vendor's shape. */
  kind: string
  shape?: RegExp
  /** The kind when it only looks real. */
  generic: string
  strength: Strength
}

/** The last word of a name that promises a secret. Names are compared with their words parted by "-". */
const password = /(?:^|-)(?:pass-?words?|passwd|passwort|pass-?phrase|pwd|pass|passcode|pw)(?:-?\d{1,3}|-(?:confirm|confirmation|value|current|new|old))?$/
const secret = /(?:^|-)(?:secrets?|client-?secret|credentials?|secret-key-base|signing-secret|shared-secret|webhook-secret)(?:-?\d{1,3}|-(?:value|current|new|old|base))?$/
const token = /(?:^|-)(?:auth-?token|access-?token|refresh-?token|bearer-?token|id-token|api-?token|session-?token|private-?token|token|tok|pat|jwt|auth|authorization|(?:php)?sessid|jsessionid|connect-sid|csrf|xsrf)(?:-?\d{1,3}|-(?:value|current|new|old))?$/
const key =
  /(?:^|-)(?:(?:api|access|private|secret|encryption|signing|master|auth|service|account|license|licence|admin|app|application|client|consumer|deploy|subscription|shared|storage|server|live|webhook|hmac|jwt|cookie|session|session-secret|aes|crypto|decryption|root|write|ingest|ingestion|integration|personal|x-api)-?key|apikey|keypair|secret-key-base|access-key-id-secret)(?:-?\d{1,3}|-(?:value|current|new|old|base64|b64|hex))?$/
const never = /(?:^|-)(?:public|pub|publishable|cache|idempotency|primary|foreign|sort|partition|max|min|num|count|next|prev|page|continuation|sync|total|pagination|site)-/

/** Vendors whose secrets have a shape but no prefix of their own. */
const vendors: readonly { name: RegExp; shape: RegExp; kind: string }[] = [
  { name: /aws.*secret|secret-access-key|secretaccesskey/, shape: /^[A-Za-z0-9/+=]{40}$/, kind: 'aws-secret-key' },
  { name: /(?:aws|security|session).*session-?token|aws-security-token/, shape: /^[A-Za-z0-9/+=_-]{60,}$/, kind: 'aws-session-token' },
  { name: /azure|^az-|arm-client|client-secret/, shape: /^[A-Za-z0-9_~.-]{34,44}$|^[a-z0-9]{52}$|^[A-Za-z0-9]{80,90}$|^[0-9a-f]{32}$/, kind: 'azure-client-secret' },
  { name: /private-key-id/, shape: /^[0-9a-f]{40}$/, kind: 'gcp-private-key-id' },
  { name: /twilio/, shape: /^[0-9a-f]{32}$/, kind: 'twilio-key' },
  { name: /mailgun/, shape: /^(?:[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}|[0-9a-f]{32})$/, kind: 'mailgun-key' },
  { name: /heroku/, shape: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i, kind: 'heroku-key' },
  { name: /cloudflare|^cf-|-cf-/, shape: /^(?:[A-Za-z0-9_-]{40}|[0-9a-f]{37})$/, kind: 'cloudflare-token' },
  { name: /datadog|^dd-|-dd-/, shape: /^(?:[0-9a-f]{32}|[0-9a-f]{40})$/, kind: 'datadog-key' },
  { name: /new-?relic/, shape: /^[0-9a-f]{40}$|^[0-9a-f]{64}$/, kind: 'newrelic-key' },
  { name: /paypal/, shape: /^[A-Za-z0-9_-]{50,90}$/, kind: 'paypal-secret' },
  { name: /braintree/, shape: /^[0-9a-f]{32}$/, kind: 'braintree-token' },
  { name: /airtable/, shape: /^key[A-Za-z0-9]{14}$/, kind: 'airtable-token' },
  { name: /atlassian|jira|confluence/, shape: /^[A-Za-z0-9]{24}$/, kind: 'atlassian-token' },
  { name: /vault/, shape: /^s\.[A-Za-z0-9]{24}$/, kind: 'vault-token' },
  { name: /vercel/, shape: /^[A-Za-z0-9]{24}$/, kind: 'vercel-token' },
  { name: /netlify/, shape: /^[A-Za-z0-9_-]{40,46}$/, kind: 'netlify-token' },
  { name: /discord/, shape: /^[A-Za-z0-9_-]{32}$/, kind: 'discord-client-secret' },
  { name: /facebook|^fb-/, shape: /^[0-9a-f]{32}$/, kind: 'facebook-app-secret' },
  { name: /twitter|^x-consumer/, shape: /^[A-Za-z0-9]{25,50}$/, kind: 'twitter-token' },
  { name: /cohere|mistral|together|fireworks|deepgram|elevenlabs|algolia|okta|auth0|fastly|linode|vultr|ngrok|snyk|codecov|travis|shodan/, shape: /^[A-Za-z0-9_.-]{20,80}$/, kind: 'service-key' },
]

const promising = /(?:key|token|tok|secrets?|pass|passwd|pass-?words?|passwort|pass-?phrase|passcode|pwd|pw|pat|jwt|auth|authorization|credentials?|sessid|jsessionid|sid|csrf|xsrf|base|keypair|id)(?:-?\d{1,3}|-(?:confirm|confirmation|value|current|new|old|base64|b64|hex|id|base|secret))?$/
/** Names come again and again: the last so many are remembered. */
const remembered = new Map<string, KeyClass | undefined>()
const mostRemembered = 2000

/** What a key's name says of its value; undefined when it says nothing of a secret. */
export function classify(raw: string): KeyClass | undefined {
  if (remembered.has(raw)) return remembered.get(raw)
  const name = words(raw)
  const result = promising.test(name) ? classOf(name) : undefined
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(raw, result)
  return result
}

function classOf(name: string): KeyClass | undefined {
  const strength: Strength | undefined = password.test(name) ? 'password' : secret.test(name) || token.test(name) || key.test(name) ? 'token' : undefined
  const vendor = vendors.find((one) => one.name.test(name) && /(?:key|token|secret|pass|password|auth|pat)(?:-?\d{1,2}|-id)?$/.test(name))
  if (never.test(name) || (strength === undefined && vendor === undefined)) return undefined
  const generic = strength === 'password' ? 'password' : key.test(name) ? 'api-key' : token.test(name) ? 'token' : 'secret'
  return { kind: vendor?.kind ?? generic, shape: vendor?.shape, generic, strength: strength ?? 'token' }
}

/** `dbPassword`, `DB_PASSWORD`, `db.password` and `--db-password` are all `db-password`. */
function words(raw: string): string {
  return raw
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replace(/[_.$-]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
}
