import { pattern, prefixed } from '../rule.ts'
import type { Rule } from '../types.ts'

/** Clouds and hosting: tokens that show what they are. */
export const cloudRules: readonly Rule[] = [
  prefixed('aws-access-key', ['A3T', 'AKIA', 'AGPA', 'AIDA', 'AROA', 'AIPA', 'ANPA', 'ANVA', 'ASIA', 'ABIA', 'ACCA'], /[A-Z0-9]{16,17}(?![A-Za-z0-9])/, {
    accept: (id) => (id.startsWith('A3T') ? id.length === 20 : true) && /\d|EXAMPLE/.test(id.slice(4)),
  }),
  prefixed('aws-session-token', ['FwoGZXIvYXdz', 'IQoJb3JpZ2lu', 'FQoGZXIvYXdz'], /[A-Za-z0-9/+_-]{60,400}/, { rest: /[A-Za-z0-9/+=_-]*/ }),
  prefixed('aws-bedrock-key', ['ABSK'], /[A-Za-z0-9+/]{100,200}={0,2}/),
  prefixed('aws-mws-key', ['amzn.mws.'], /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/),
  prefixed('gcp-api-key', ['AIza'], /[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/),
  prefixed('google-oauth-secret', ['GOCSPX-'], /[A-Za-z0-9_-]{24,40}/),
  prefixed('google-oauth-token', ['ya29.'], /[A-Za-z0-9_-]{20,400}/),
  pattern('google-oauth-token', ['1//0'], /(?<![A-Za-z0-9/:])1\/\/0[A-Za-z0-9_-]{40,200}/),
  pattern('firebase-server-key', ['AAAA'], /(?<![A-Za-z0-9_-])AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{120,200}/),
  pattern('azure-storage-key', ['accountkey='], /accountkey=(?<s>[A-Za-z0-9+/]{40,120}={0,2})/i),
  pattern('azure-shared-access-key', ['sharedaccesskey='], /sharedaccesskey=(?<s>[A-Za-z0-9+/]{40,60}=?)/i),
  pattern('azure-sas-signature', ['sig='], /(?<=[?&;]|%26|amp;)sig=(?<s>[A-Za-z0-9%/+_-]{40,140}={0,2})/i),
  pattern('azure-client-secret', digitsBefore('Q~'), /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{30,36}/, { back: 3 }),
  prefixed('digitalocean-token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], /[a-f0-9]{64}/),
  prefixed('heroku-key', ['HRKU-'], /[A-Za-z0-9_-]{36,80}/),
  pattern('cloudflare-origin-ca-key', ['v1.0-'], /v1\.0-[a-f0-9]{24}-[a-f0-9]{146}/),
  prefixed('databricks-token', ['dapi'], /[0-9a-f]{32}(?:-\d)?(?![0-9a-f])/),
  pattern('vault-token', ['hvs.', 'hvb.', 'hvr.'], /(?<![A-Za-z0-9])hv[sbr]\.[A-Za-z0-9_-]{24,300}/),
  pattern('terraform-token', ['.atlasv1.'], /[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{50,80}/, { back: 14 }),
  pattern('pulumi-token', ['pul-'], /(?<![A-Za-z0-9])pul-[0-9a-f]{40}/),
  pattern('fly-token', ['FlyV1 '], /FlyV1 (?<s>fm\d[a-z]?_[A-Za-z0-9+/=_,-]{40,400})/, { rest: /[A-Za-z0-9+/=_,-]*/ }),
  pattern('fly-token', ['fm1r_', 'fm1a_', 'fm2_', 'fo1_'], /(?<![A-Za-z0-9])(?:fm1[ar]|fm2|fo1)_[A-Za-z0-9+/=_-]{40,400}/, { rest: /[A-Za-z0-9+/=_-]*/ }),
  pattern('vercel-token', ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], /(?<![A-Za-z0-9_])vc[piark]_[A-Za-z0-9]{24,80}/),
  prefixed('vercel-blob-token', ['vercel_blob_rw_'], /[A-Za-z0-9_]{30,80}/),
  pattern('netlify-token', ['nfp_', 'nfc_', 'nfo_', 'nfu_'], /(?<![A-Za-z0-9])nf[pcou]_[A-Za-z0-9]{36,60}/),
  pattern('supabase-token', ['sbp_'], /(?<![A-Za-z0-9])sbp_(?:v0_)?[0-9a-f]{40}/),
  prefixed('supabase-secret-key', ['sb_secret_'], /[A-Za-z0-9_-]{20,80}/),
  prefixed('planetscale-token', ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], /[A-Za-z0-9_.-]{30,64}/),
  pattern('doppler-token', ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.'], /(?<![A-Za-z0-9])dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}/),
  prefixed('tailscale-key', ['tskey-'], /(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{6,40}-[A-Za-z0-9]{20,80}/),
]

function digitsBefore(rest: string): string[] {
  return Array.from({ length: 10 }, (_, digit) => `${digit}${rest}`)
}
