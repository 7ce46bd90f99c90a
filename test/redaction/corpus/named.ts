import { alnum, base64, base64url, digits, hex, lower } from './seeded.ts'
import type { Seeded } from './seeded.ts'

export interface Named {
  /** Names as they are written, words parted by spaces. */
  names: readonly string[]
  value(random: Seeded): string
}

/** Secrets that only their name gives away. */
export const named: Record<string, Named> = {
  'aws secret key': { names: ['aws secret access key', 'secret access key', 'aws secret key'], value: (r) => r.mixed(40, base64) },
  'aws session token, named': { names: ['aws session token'], value: (r) => r.mixed(200, base64) },
  'azure client secret, old': { names: ['azure client secret', 'client secret', 'arm client secret'], value: (r) => r.mixed(34, `${alnum}_.~-`) },
  'azure storage key': { names: ['azure storage key', 'storage account key', 'azure storage account access key'], value: (r) => `${r.mixed(86, base64)}==` },
  'twilio auth token': { names: ['twilio auth token'], value: (r) => r.chars(32, hex) },
  'heroku key': { names: ['heroku api key', 'heroku api token'], value: (r) => r.uuid() },
  'cloudflare token': { names: ['cloudflare api token', 'cf api token'], value: (r) => r.mixed(40, base64url) },
  'cloudflare global key': { names: ['cloudflare api key'], value: (r) => r.chars(37, hex) },
  'datadog key': { names: ['datadog api key', 'dd api key'], value: (r) => r.chars(32, hex) },
  'datadog application key': { names: ['datadog app key', 'dd app key'], value: (r) => r.chars(40, hex) },
  'mailgun key, new': { names: ['mailgun api key'], value: (r) => `${r.chars(32, hex)}-${r.chars(8, hex)}-${r.chars(8, hex)}` },
  'paypal secret': { names: ['paypal client secret', 'paypal secret'], value: (r) => `E${r.mixed(79, base64url)}` },
  'braintree private key': { names: ['braintree private key'], value: (r) => r.chars(32, hex) },
  'airtable key': { names: ['airtable api key'], value: (r) => `ke${'y'}${r.mixed(14)}` },
  'vercel token': { names: ['vercel token'], value: (r) => r.mixed(24) },
  'netlify token, old': { names: ['netlify auth token', 'netlify token'], value: (r) => r.mixed(43, base64url) },
  'jira token': { names: ['jira api token', 'atlassian token'], value: (r) => r.mixed(24) },
  'vault token, old': { names: ['vault token'], value: (r) => `s.${r.mixed(24)}` },
  'discord client secret': { names: ['discord client secret'], value: (r) => r.mixed(32, base64url) },
  'facebook app secret': { names: ['facebook app secret', 'fb app secret'], value: (r) => r.chars(32, hex) },
  'algolia admin key': { names: ['algolia admin key', 'algolia api key'], value: (r) => r.chars(32, hex) },
  'gcp private key id': { names: ['private key id'], value: (r) => r.chars(40, hex) },
  'generic api key': { names: ['api key', 'my service api key', 'x api key'], value: (r) => r.mixed(32) },
  'generic token': { names: ['token', 'auth token', 'access token', 'refresh token', 'gateway token'], value: (r) => r.mixed(40, base64url) },
  'generic secret': { names: ['secret', 'app secret', 'session secret', 'signing secret', 'secret key base', 'jwt secret'], value: (r) => r.chars(64, hex) },
  'encryption key': { names: ['encryption key', 'master key', 'secret key'], value: (r) => `${r.mixed(43, base64)}=` },
  'database password': { names: ['password', 'db password', 'postgres password', 'redis password', 'smtp pass'], value: (r) => r.mixed(12, `${alnum}!#%^*-_+`).replace(/^[^A-Za-z0-9]/, 'a') },
  'human password': { names: ['password', 'user password', 'admin passwd', 'root pwd'], value: (r) => r.pick(['sunflower', 'Dragon', 'tiger-lily', 'M0nday', 'winter']) + r.chars(3, digits) + r.pick(['!', '', 'x']) },
  'pass phrase': { names: ['passphrase', 'ssh passphrase'], value: (r) => [r.chars(5, lower), r.chars(6, lower), r.chars(4, lower)].join('-') + r.chars(2, digits) },
}
